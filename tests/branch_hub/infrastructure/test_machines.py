"""S8, B3: how the state machines handle answers and errors of their functions."""

import re
from typing import Any

import pytest

from branch_hub.infrastructure.create_machine import ASKED_MAX as ADMISSIONS_MAX
from branch_hub.infrastructure.create_machine import LOOK_AGAIN_SECONDS as ADMIT_AGAIN_SECONDS
from branch_hub.infrastructure.deletion import BACK_OFF_SECONDS, SECONDS_MAX
from branch_hub.infrastructure.destroy_machine import ASKED_MAX, STOPS_MAX
from branch_hub.infrastructure.destroy_steps import LOOK_AGAIN_SECONDS
from branch_hub.infrastructure.proof import AGAIN_SECONDS
from tests.branch_hub.infrastructure.asl import Definition
from tests.branch_hub.infrastructure.asl_run import TaskFailed, run
from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB
from tests.delivered import Delivered

LAMBDA_ERRORS = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
}


def test_every_task_is_retried_and_every_error_is_handled(machine: Definition) -> None:
    for name, task in machine.tasks().items():
        assert task["Retry"], name
        assert [c["ErrorEquals"] for c in task["Catch"]] == [["States.ALL"]], name


def test_a_function_call_is_retried_after_an_error_of_lambda(machine: Definition) -> None:
    for name, task in machine.tasks().items():
        if task["Resource"].endswith("lambda:invoke"):
            first = task["Retry"][0]
            assert set(first["ErrorEquals"]) == LAMBDA_ERRORS, name
            assert first["MaxAttempts"] >= 3, name
            assert first["BackoffRate"] > 1, name


def test_a_refusal_is_not_retried(machine: Definition) -> None:
    """A retry would be refused again."""
    for name, task in machine.tasks().items():
        if task["Resource"].endswith("lambda:invoke"):
            order = [r["ErrorEquals"] for r in task["Retry"]]
            refused = task["Retry"][order.index(["NotOurs", "InvalidEvent"])]
            assert refused["MaxAttempts"] == 0, name
            assert order.index(["NotOurs", "InvalidEvent"]) < order.index(
                ["States.TaskFailed", "States.Timeout"]
            ), name


def test_every_path_ends(machine: Definition) -> None:
    ends = {n for n, s in machine.states.items() if s["Type"] in ("Succeed", "Fail")}

    for name in machine.states:
        assert machine.reachable(name) & ends, name


def test_every_state_is_reachable(machine: Definition) -> None:
    assert machine.reachable(machine.start) == set(machine.states)


def test_a_state_reads_only_fields_that_are_set_on_every_path_to_it(machine: Definition) -> None:
    """A missing path fails the run at once, with the lock held."""
    known = machine.known_at()

    for name in machine.states:
        assert machine.paths_of(name) <= known[name], name


def test_b3_a_run_begins_by_checking_the_current_state(
    create: Definition, destroy: Definition
) -> None:
    assert create.next_of(create.start) == create.acting("admit") == {"Admit"}
    assert destroy.next_of(destroy.start) == destroy.acting("claim") == {"Claim"}
    for definition, question in ((create, "Admit"), (destroy, "Claim")):
        assert definition.payload(question)["detail.$"] == "$$.Execution.Input"
        assert definition.payload(question)["execution.$"] == "$$.Execution.Id"


# Answers of a deletion without obstacles.
DELETION: dict[str, Any] = {
    "Claim": {"outcome": "delete", "message": "m"},
    "Stop": {"running": 0},
    "StartDatabase": {"done": True, "message": "the database is available"},
    "Find": {"stacks": ["transaction-x", "DeliveryPipeline-x"], "images": [], "refused": []},
    "Delete": {"state": "gone", "blocked_by": []},
    "Unblock": {"emptied": []},
    "Sweep": {"removed": ["log one"], "kept": ["image two"]},
    "Verify": {"remains": []},
    "Forget": {"outcome": "forgotten"},
    "Abandon": {"outcome": "abandoned"},
}
CREATION: dict[str, Any] = {
    "Admit": {"outcome": "create", "message": "m"},
    "Settle": {"outcome": "live", "message": "m"},
    "SettleFailure": {"outcome": "failed", "message": "m"},
}
GOOD_END = [
    "Claim",
    "Stop",
    "StartDatabase",
    "Find",
    "Delete",
    "Delete",
    "Sweep",
    "Verify",
    "Forget",
]


def test_b3_a_deletion_begins_with_the_claim_and_ends_with_the_verification(
    destroy: Definition,
) -> None:
    done = run(destroy, DELETION)

    assert (done.end, done.succeeded) == ("Deleted", True)
    assert done.states() == [*GOOD_END, "NotifyDeleted"]
    deleted = [p["Payload"]["stack"] for state, p in done.calls if state == "Delete"]
    assert deleted == DELETION["Find"]["stacks"]


@pytest.mark.parametrize("outcome", ["protected", "alive", "not_expired", "nothing", "?"])
def test_b2_nothing_is_deleted_without_a_claim(destroy: Definition, outcome: str) -> None:
    done = run(destroy, {**DELETION, "Claim": {"outcome": outcome, "message": "m"}})

    assert (done.end, done.states()) == ("NothingToDo", ["Claim"])


@pytest.mark.parametrize(
    ("outcome", "states", "end"),
    [
        ("create", ["Admit", "DeployPipeline", "Settle"], "Created"),
        ("extended", ["Admit"], "NothingToDo"),
        ("gone", ["Admit"], "NothingToDo"),
        ("protected", ["Admit"], "NothingToDo"),
        ("refused", ["Admit", "NotifyRefused"], "Refused"),
    ],
)
def test_s8_no_pipeline_is_deployed_without_admission(
    create: Definition, outcome: str, states: list[str], end: str
) -> None:
    """A refusal sends a notice and raises no alarm: only a failed execution does."""
    done = run(create, {**CREATION, "Admit": {"outcome": outcome, "message": "the reason"}})

    assert (done.states(), done.end, done.succeeded) == (states, end, True)
    if outcome == "refused":
        assert done.notice() == "the reason"


def test_runs_are_stopped_before_the_first_stack_is_deleted(destroy: Definition) -> None:
    """A run that deploys would create the stacks again. After ten minutes it is forced to stop."""
    done = run(destroy, {**DELETION, "Stop": [{"running": 2}, {"running": 1}, {"running": 0}]})
    assert done.states() == ["Claim", *["Stop"] * 3, *GOOD_END[2:], "NotifyDeleted"]

    done = run(destroy, {**DELETION, "Stop": {"running": 1}, "Force": {"running": 1}})
    assert sum(done.waited) == 600
    assert done.states()[-9:] == ["Force", *GOOD_END[2:], "NotifyDeleted"]
    forced = {state: p["Payload"].get("force") for state, p in done.calls if "Payload" in p}
    assert (forced["Stop"], forced["Force"]) == (False, True)


def test_b3_each_verification_follows_a_sweep_and_all_sweeps_are_reported(
    destroy: Definition,
) -> None:
    sweeps = [{"removed": [f"log {n}"], "kept": []} for n in range(3)]
    verified = [{"remains": ["a log"]}, {"remains": ["a log"]}, {"remains": []}]
    done = run(destroy, {**DELETION, "Sweep": sweeps, "Verify": verified})

    assert done.states()[-8:] == [*["Sweep", "Verify"] * 3, "Forget", "NotifyDeleted"]
    ((_, forget),) = (call for call in done.calls if call[0] == "Forget")
    assert forget["Payload"]["removed"] == ["log 0", "log 1", "log 2"]
    assert '["log 0","log 1","log 2"]' in done.notice()


def test_b3_an_environment_with_remains_keeps_its_record(destroy: Definition) -> None:
    done = run(destroy, {**DELETION, "Verify": {"remains": ["queue q"]}})

    assert (done.end, done.succeeded) == ("NotDeleted", False)
    assert "Forget" not in done.states()
    assert done.waited == [*AGAIN_SECONDS]
    assert 'this remains: ["queue q"]' in done.notice()


def test_no_path_ends_with_the_lock_held(create: Definition, destroy: Definition) -> None:
    """After the lock is taken, every path to an end passes a state that releases it."""
    for definition, begins, returns in (
        (create, "DeployPipeline", create.acting("settle")),
        (destroy, "Stop", destroy.acting("forget") | destroy.acting("abandon")),
    ):
        unreturned = definition.reachable(begins, without=frozenset(returns))
        ends = {n for n in unreturned if definition.states[n]["Type"] in ("Succeed", "Fail")}
        assert returns
        assert ends == set()


@pytest.mark.parametrize(
    "state", ["Claim", "Stop", "StartDatabase", "Find", "Delete", "Sweep", "Verify", "Forget"]
)
def test_every_error_of_a_deletion_releases_the_lock_and_is_reported(
    destroy: Definition, state: str
) -> None:
    """Also of the claim: a function can take the lock and then fail to answer."""
    done = run(destroy, {**DELETION, state: TaskFailed("no such luck")})

    assert (done.end, done.states()[-2:]) == ("NotDeleted", ["Abandon", "NotifyAbandoned"])
    assert "no such luck" in done.notice()


@pytest.mark.parametrize("state", ["Admit", "DeployPipeline", "Settle"])
def test_every_error_of_a_creation_releases_the_lock_and_is_reported(
    create: Definition, state: str
) -> None:
    """The notice is the sentence that the function makes of the cause, not a build's record."""
    answers = {**CREATION, state: TaskFailed("no such luck")}
    done = run(create, {**answers, "SettleFailure": {"outcome": "failed", "message": "In short."}})

    assert (done.end, done.states()[-2:]) == ("NotCreated", ["SettleFailure", "NotifyFailure"])
    settled = {s: p["Payload"] for s, p in done.calls if s.startswith("Settle")}
    assert settled["SettleFailure"]["succeeded"] is False
    assert settled["SettleFailure"]["cause"] == "no such luck"
    assert settled.get("Settle", {"succeeded": True})["succeeded"] is True
    assert done.notice() == "In short."


def test_a_failure_that_cannot_be_recorded_is_reported(create: Definition) -> None:
    failures = {"DeployPipeline": TaskFailed("red"), "SettleFailure": TaskFailed("no table")}
    done = run(create, {**CREATION, **failures})

    assert (done.end, done.states()[-1]) == ("NotCreated", "NotifyUnsettled")
    assert "no table" in done.notice()


def test_s64_a_refused_pipeline_is_a_notice_and_no_failed_execution(create: Definition) -> None:
    """Only a failed execution raises an alarm."""
    build: dict[str, Any] = {"Build": {"ExportedEnvironmentVariables": []}}
    refused = {"outcome": "refused", "message": "the stacks of the app are two"}
    done = run(create, {**CREATION, "DeployPipeline": build, "Settle": refused})

    assert (done.end, done.succeeded) == ("RefusedByCheck", True)
    assert done.states() == ["Admit", "DeployPipeline", "Settle", "NotifyRefusedByCheck"]
    assert done.notice() == "the stacks of the app are two"
    ((_, settled),) = (call for call in done.calls if call[0] == "Settle")
    assert settled["Payload"]["build"] == build


def test_every_failed_end_sends_a_notice(machine: Definition) -> None:
    notices = {n for n, t in machine.tasks().items() if t["Resource"].endswith("sns:publish")}
    silent = machine.reachable(machine.start, without=frozenset(notices))

    assert {n for n in silent if machine.states[n]["Type"] == "Fail"} == set()
    assert {n for n in machine.states if machine.states[n]["Type"] == "Fail"}


@pytest.mark.parametrize(
    ("answers", "end"),
    [
        ({}, "Deleted"),
        ({"Stop": TaskFailed("x")}, "NotDeleted"),
        ({"Claim": {"outcome": "busy", "message": "m"}}, "StillBusy"),
    ],
)
def test_a_failed_notice_changes_nothing(
    destroy: Definition, answers: dict[str, Any], end: str
) -> None:
    notices = {n: TaskFailed("no topic") for n in destroy.tasks() if n.startswith("Notify")}

    assert run(destroy, {**DELETION, **answers, **notices}).end == end


@pytest.mark.parametrize(
    ("name", "question", "minutes"), [("create", "Admit", 120), ("destroy", "Claim", 60)]
)
def test_a_busy_environment_is_checked_again_and_then_reported(
    request: pytest.FixtureRequest, name: str, question: str, minutes: int
) -> None:
    definition: Definition = request.getfixturevalue(name)
    busy = {"outcome": "busy", "message": "locked."}
    done = run(definition, {question: busy})

    assert (done.end, done.succeeded) == ("StillBusy", False)
    assert set(done.states()) == {question, "NotifyStillBusy"}
    assert sum(done.waited) == minutes * 60
    assert done.notice().startswith("locked. Another execution held the lock for ")

    answers = {**DELETION, **CREATION}
    waited_once = run(definition, {**answers, question: [busy, answers[question]]})
    assert waited_once.succeeded


def test_one_hour_is_allowed_for_all_stacks_together(destroy: Definition) -> None:
    deleting = {"state": "deleting", "blocked_by": ["a subnet"]}
    slow = [deleting] * 100 + [{"state": "gone", "blocked_by": []}, deleting]
    done = run(destroy, {**DELETION, "Delete": slow})

    assert (done.end, sum(done.waited)) == ("NotDeleted", SECONDS_MAX)
    assert done.notice().startswith("feature-x-5femoa: DeliveryPipeline-x still exists after")
    assert '["a subnet"]' in done.notice()
    assert "Sweep" not in done.states()


def test_a_failed_deletion_is_unblocked_and_gets_more_time_after_each_failure(
    destroy: Definition,
) -> None:
    failed = {"state": "failed", "blocked_by": []}
    done = run(destroy, {**DELETION, "Delete": failed})

    assert done.end == "NotDeleted"
    assert done.waited == sorted(done.waited) == [*BACK_OFF_SECONDS[: len(done.waited)]]
    assert done.states().count("Unblock") == done.states().count("Delete")


def test_b2_nothing_is_deleted_if_a_stack_of_that_name_must_stay(destroy: Definition) -> None:
    """A foreign stack, or a protected one: a sweep could delete what it needs."""
    found = {**DELETION["Find"], "refused": ["transaction-x has termination protection"]}
    done = run(destroy, {**DELETION, "Find": found})

    assert done.end == "NotDeleted"
    assert done.states() == ["Claim", "Stop", "StartDatabase", "Find", "Abandon", "NotifyAbandoned"]
    assert "termination protection" in done.notice()


def test_the_machines_own_deadlines_end_before_its_timeout(machine: Definition) -> None:
    """A timed out execution releases no lock and sends no notice."""
    asking = max(ASKED_MAX * LOOK_AGAIN_SECONDS, ADMISSIONS_MAX * ADMIT_AGAIN_SECONDS)
    stopping = STOPS_MAX * LOOK_AGAIN_SECONDS
    deleting = SECONDS_MAX + BACK_OFF_SECONDS[-1]
    proving = sum(AGAIN_SECONDS)

    assert asking + stopping + deleting + proving < machine.timeout_seconds


def test_s8_a_push_waits_longer_than_a_deletion_takes() -> None:
    deletion = (
        STOPS_MAX * LOOK_AGAIN_SECONDS + SECONDS_MAX + BACK_OFF_SECONDS[-1] + sum(AGAIN_SECONDS)
    )

    assert deletion < ADMISSIONS_MAX * ADMIT_AGAIN_SECONDS


def test_b3_the_notice_of_a_failed_deletion_names_what_retries_it(
    destroy: Definition, across_accounts: Delivered
) -> None:
    """A reconciler that only reports tries nothing again: the notice must not promise it."""
    assert across_accounts.hub is not None
    applying = Definition.of(across_accounts.hub, f"branch-destroy-{CODECOMMIT_HUB}")
    reporting_says, applying_says = (
        definition.states["NotifyAbandoned"]["Parameters"]["Message.$"]
        for definition in (destroy, applying)
    )

    assert "It is not retried: make reconcile shows it" in reporting_says
    assert "The reconciler retries within the hour" in applying_says


def test_s8_the_pipeline_is_deployed_from_the_current_commit_of_the_branch(
    create: Definition,
) -> None:
    """The whole ref: a name alone could be a tag's, or `pr/7`."""
    parameters = create.states["DeployPipeline"]["Parameters"]

    assert create.states["DeployPipeline"]["Resource"].endswith("codebuild:startBuild.sync")
    assert parameters["SourceVersion.$"] == (
        "States.Format('refs/heads/{}', $$.Execution.Input.branch)"
    )
    assert parameters["EnvironmentVariablesOverride"] == [
        {"Name": "BRANCH", "Type": "PLAINTEXT", "Value.$": "$$.Execution.Input.branch"},
        {"Name": "SUFFIX", "Type": "PLAINTEXT", "Value.$": "$$.Execution.Input.suffix"},
    ]


def test_a_build_that_ran_and_failed_is_not_started_again(create: Definition) -> None:
    errors = {e for r in create.states["DeployPipeline"]["Retry"] for e in r["ErrorEquals"]}

    assert not errors & {"States.ALL", "States.TaskFailed", "States.Timeout"}
    assert all(error.startswith("CodeBuild.") for error in errors)


def test_b3_the_notice_of_a_deletion_lists_what_was_deleted(destroy: Definition) -> None:
    assert run(destroy, DELETION).notice() == (
        'feature-x-5femoa (deleted). Stacks: ["transaction-x","DeliveryPipeline-x"]. '
        'Swept: ["log one"]. Shared, and kept: ["image two"]. Nothing else remains.'
    )


def test_no_subject_is_longer_than_sns_accepts(machine: Definition) -> None:
    """Only the suffix goes into it: a branch may be 255 characters long, in any script."""
    for name, task in machine.tasks().items():
        if task["Resource"].endswith("sns:publish"):
            parameters = task["Parameters"]
            subject = parameters.get("Subject.$") or parameters["Subject"]
            found = re.findall(r"\$[$.\w]+", subject)
            assert set(found) <= {"$$.Execution.Input.suffix", "$.claim.suffix"}, name
            assert len(found) <= 1, name
            assert len(subject) < 100
