"""B13: how the machines put an environment to sleep and wake it, and handle every failure."""

from typing import Any

import pytest

from branch_hub.infrastructure.destroy_machine import STARTS_MAX
from branch_hub.infrastructure.sleep_machines import (
    ALARMS_LOOKS_MAX,
    LOOK_AGAIN_SECONDS,
    TASKS_LOOKS_MAX,
)
from tests.branch_hub.infrastructure.asl import Definition
from tests.branch_hub.infrastructure.asl_run import TaskFailed, run

DONE = {"done": True, "message": "m"}
OWN = "feature-x-5femoa"
SLEEP: dict[str, Any] = {
    "Claim": {"outcome": "sleep", "message": "m", "suffix": OWN, "is_new": True},
    "Silence": DONE,
    "StopService": DONE,
    "StopDatabase": DONE,
    "Settle": {"outcome": "asleep", "message": "it sleeps"},
    "SettleFailure": {"outcome": "failed", "message": "In short."},
}
WAKE: dict[str, Any] = {
    "Claim": {"outcome": "wake", "message": "m", "suffix": OWN},
    "StartDatabase": DONE,
    "StartService": DONE,
    "AllowDeployments": DONE,
    "AwaitTasks": DONE,
    "Resume": DONE,
    "AwaitAlarms": DONE,
    "EnableAlarms": DONE,
    "Settle": {"outcome": "awake", "message": "it is awake"},
    "SettleFailure": {"outcome": "failed", "message": "In short."},
}
BOTH = [("sleep", SLEEP), ("wake", WAKE)]


@pytest.fixture(params=BOTH, ids=["sleep", "wake"])
def either(request: pytest.FixtureRequest) -> tuple[Definition, dict[str, Any]]:
    name, answers = request.param
    return request.getfixturevalue(name), answers


def test_b13_alarms_and_queue_stop_before_the_tasks_and_the_tasks_before_the_database(
    sleep: Definition,
) -> None:
    done = run(sleep, SLEEP)

    assert (done.end, done.succeeded) == ("Asleep", True)
    assert done.states() == [
        "Claim", "Silence", "StopService", "StopDatabase", "Settle", "NotifyAsleep",
    ]  # fmt: skip
    assert done.notice() == "it sleeps"


def test_b13_it_wakes_in_the_opposite_order(wake: Definition) -> None:
    done = run(wake, WAKE)

    assert (done.end, done.succeeded) == ("Awake", True)
    assert done.states() == [*list(WAKE)[:-1]]


def test_b13_a_version_that_is_never_healthy_can_be_replaced_after_one_night(
    wake: Definition,
) -> None:
    """Its pipeline may deploy before its tasks are healthy; the rest starts all the same."""
    done = run(wake, {**WAKE, "AwaitTasks": {"done": False, "message": "0 of 2 are healthy"}})

    states = done.states()
    assert states.index("AllowDeployments") < states.index("AwaitTasks")
    assert states[-5:] == ["Resume", "AwaitAlarms", "EnableAlarms", "Settle", "NotifyLate"]
    assert sum(done.waited) == TASKS_LOOKS_MAX * LOOK_AGAIN_SECONDS
    assert (done.end, done.succeeded) == ("NotHealthy", False)
    assert done.notice() == (
        "it is awake. Its tasks did not become healthy in 30 minutes: 0 of 2 are healthy. "
        "A push can deploy another version"
    )


def test_b13_alarms_that_stay_raised_are_on_after_ten_minutes(wake: Definition) -> None:
    done = run(wake, {**WAKE, "AwaitAlarms": {"done": False, "message": "alarms: page"}})

    assert done.succeeded
    assert done.states()[-2:] == ["EnableAlarms", "Settle"]
    assert sum(done.waited) == ALARMS_LOOKS_MAX * LOOK_AGAIN_SECONDS == 600


def test_b13_each_step_is_repeated_until_it_is_done(
    either: tuple[Definition, dict[str, Any]],
) -> None:
    definition, answers = either
    steps = list(answers)[1:-2]
    not_yet = {"done": False, "message": "not yet"}
    done = run(definition, {**answers, **{step: [not_yet, not_yet, DONE] for step in steps}})

    assert done.succeeded
    asked = done.states()[1 : 1 + 3 * len(steps)]
    assert asked == [step for step in steps for _ in range(3)]
    assert done.waited == [LOOK_AGAIN_SECONDS] * 2 * len(steps)
    acted = [p["Payload"]["suffix"] for s, p in done.calls if s in steps]
    assert set(acted) == {OWN}


def test_b13_a_step_that_does_not_end_fails_after_an_hour_and_says_which(
    either: tuple[Definition, dict[str, Any]],
) -> None:
    definition, answers = either
    last = next(step for step in ("StopDatabase", "Resume") if step in answers)
    stuck = {"done": False, "message": "the database is maintenance"}
    done = run(definition, {**answers, last: stuck})

    assert (done.end, done.succeeded) == ("Failed", False)
    assert sum(done.waited) == 3600
    ((_, settled),) = (call for call in done.calls if call[0] == "SettleFailure")
    assert settled["Payload"]["cause"] == "after an hour: the database is maintenance"


@pytest.mark.parametrize(
    ("direction", "state"),
    [(name, state) for name, answers in BOTH for state in list(answers)[:-1]],
)
def test_b13_every_error_releases_the_lock_and_is_reported(
    direction: str, state: str, request: pytest.FixtureRequest
) -> None:
    definition, answers = request.getfixturevalue(direction), dict(BOTH)[direction]
    done = run(definition, {**answers, state: TaskFailed("no such luck")})

    assert (done.end, done.states()[-2:]) == ("Failed", ["SettleFailure", "NotifyFailure"])
    ((_, settled),) = (call for call in done.calls if call[0] == "SettleFailure")
    assert settled["Payload"]["action"] == "sleep_or_wake_failed"
    assert settled["Payload"]["cause"] == "no such luck"
    assert done.notice() == "In short."


def test_b13_a_failure_that_cannot_be_recorded_is_reported(
    either: tuple[Definition, dict[str, Any]],
) -> None:
    definition, answers = either
    failures = {"Claim": TaskFailed("red"), "SettleFailure": TaskFailed("no table")}
    done = run(definition, {**answers, **failures})

    assert (done.end, done.states()[-1]) == ("Failed", "NotifyUnsettled")
    assert OWN in done.notice()
    assert "no table" in done.notice()


def test_b13_a_busy_environment_is_checked_for_two_hours_and_then_reported(
    either: tuple[Definition, dict[str, Any]],
) -> None:
    definition, answers = either
    busy = {**answers["Claim"], "outcome": "busy", "message": "a run deploys it"}

    done = run(definition, {**answers, "Claim": [busy, busy, answers["Claim"]]})
    assert done.succeeded
    assert done.waited == [LOOK_AGAIN_SECONDS] * 2

    done = run(definition, {**answers, "Claim": busy})
    assert (done.end, sum(done.waited)) == ("StillBusy", 7200)
    assert done.notice() == "a run deploys it, for two hours. It was not changed."


def test_b13_nothing_is_stopped_or_started_without_a_claim(
    either: tuple[Definition, dict[str, Any]],
) -> None:
    definition, answers = either
    done = run(definition, {**answers, "Claim": {**answers["Claim"], "outcome": "stays"}})

    assert (done.end, done.states()) == ("NothingToDo", ["Claim"])


def test_b13_what_sleeps_already_is_stopped_again_without_a_notice(sleep: Definition) -> None:
    """Each evening: AWS starts a stopped cluster after seven days."""
    done = run(sleep, {**SLEEP, "Claim": {**SLEEP["Claim"], "is_new": False}})

    assert done.states() == ["Claim", "Silence", "StopService", "StopDatabase", "Settle"]


def test_no_path_of_sleep_ends_with_the_lock_held(sleep: Definition, wake: Definition) -> None:
    for definition, begins in ((sleep, "Silence"), (wake, "StartDatabase")):
        returns = frozenset({"Settle", "SettleFailure"})
        unreturned = definition.reachable(begins, without=returns)
        assert {n for n in unreturned if definition.states[n]["Type"] in ("Succeed", "Fail")} == (
            set()
        )


def test_b13_a_push_of_a_sleeping_branch_starts_the_machine_that_wakes(create: Definition) -> None:
    done = run(create, {"Admit": {"outcome": "wake", "message": "m"}})

    assert (done.end, done.states()) == ("Wakes", ["Admit", "Wake"])
    ((_, started),) = (call for call in done.calls if call[0] == "Wake")
    assert started["Input"] == {"suffix": OWN}
    assert "Wake" in started["StateMachineArn"]


def test_b13_the_database_of_a_sleeping_environment_is_started_before_its_deletion(
    destroy: Definition,
) -> None:
    """AWS deletes no stopped cluster."""
    not_yet = {"done": False, "message": "the database starts"}
    begin = {
        "Claim": {"outcome": "delete", "message": "m"},
        "Stop": {"running": 0},
        "Find": {"stacks": [], "images": [], "refused": []},
        "Sweep": {"removed": [], "kept": []},
        "Verify": {"remains": []},
        "Forget": {"outcome": "forgotten"},
        "Abandon": {"outcome": "abandoned"},
    }
    done = run(destroy, {**begin, "StartDatabase": [not_yet, not_yet, DONE]})
    assert done.succeeded
    assert done.states()[1:6] == ["Stop", *["StartDatabase"] * 3, "Find"]
    actions = {p["Payload"]["action"] for state, p in done.calls if state == "StartDatabase"}
    assert actions == {"start_database_to_delete"}

    done = run(destroy, {**begin, "StartDatabase": not_yet})
    assert (done.end, done.states().count("StartDatabase")) == ("NotDeleted", STARTS_MAX + 1)
    assert "did not start in an hour" in done.notice()
