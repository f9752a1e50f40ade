"""B13: when an environment may sleep and wake, who holds its lock, and what is recorded."""

from typing import Any

import pytest

from branch_hub.functions.shared.records import Purpose, Sleep, State
from branch_hub.functions.shared.sleep_registry import SleepRegistry
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.account import tags_of
from tests.branch_hub.functions.lifecycle.conftest import Hub


def ask(hub: Hub, action: str, branch: str, execution: str, /, **more: Any) -> dict[str, Any]:
    detail = {"suffix": suffix_of_branch(branch), **more.pop("detail", {})}
    return hub.carry_out(action=action, detail=detail, execution=execution, **more)


def deployed(hub: Hub) -> str:
    """A branch with a live environment."""
    branch = hub.branch()
    suffix = suffix_of_branch(branch)
    hub.deploy_pipeline(branch)
    hub.account.deploy(f"transaction-{suffix}", tags=tags_of(suffix))
    hub.admit(branch, hub.execution())
    assert hub.known(branch).state is State.LIVE
    return branch


def put_to_sleep(hub: Hub, branch: str) -> dict[str, Any]:
    execution = hub.execution()
    assert ask(hub, "claim_sleep", branch, execution)["outcome"] == "sleep"
    answer = ask(hub, "asleep", branch, execution)
    hub.end(execution)
    return answer


def test_b13_an_environment_is_recorded_as_asleep_before_its_first_part_stops(hub: Hub) -> None:
    """So it can be woken after a failure half-way."""
    branch, execution = deployed(hub), hub.execution()
    hub.sleeps_until = "07:00 Europe/Berlin, Monday to Friday"

    answer = ask(hub, "claim_sleep", branch, execution)

    assert answer["outcome"] == "sleep"
    assert answer["suffix"] == suffix_of_branch(branch)
    assert answer["is_new"] is True
    record = hub.known(branch)
    assert record.sleeping == Sleep(since=hub.now, until=hub.sleeps_until)
    assert record.lock is not None
    assert (record.lock.holder, record.lock.purpose) == (execution, Purpose.SLEEP)

    failed = ask(
        hub, "sleep_or_wake_failed", branch, execution, cause='{"errorMessage": "no luck"}'
    )
    assert "error: no luck. Parts of it may be stopped, and its alarms silent" in failed["message"]
    record = hub.known(branch)
    assert (record.state, record.lock) == (State.LIVE, None)
    assert record.sleeping is not None
    assert ask(hub, "claim_wake", branch, hub.execution())["outcome"] == "wake"


def test_b13_the_notice_says_that_alarms_are_silent_and_when_it_wakes(hub: Hub) -> None:
    branch = deployed(hub)
    hub.sleeps_until = "07:00 Europe/Berlin, Monday to Friday"
    message = put_to_sleep(hub, branch)["message"]
    assert "its alarms are silent" in message
    assert "It wakes at 07:00 Europe/Berlin, Monday to Friday;" in message

    hub.sleeps_until = None
    assert "No schedule wakes it;" in put_to_sleep(hub, deployed(hub))["message"]


def test_b13_each_evening_repeats_it_and_says_so(hub: Hub) -> None:
    branch = deployed(hub)
    put_to_sleep(hub, branch)
    since = hub.known(branch).sleeping

    again = ask(hub, "claim_sleep", branch, hub.execution())

    assert (again["outcome"], again["is_new"]) == ("sleep", False)
    assert hub.known(branch).sleeping == since


def test_b13_the_second_of_two_waits_and_then_finds_nothing_to_do(hub: Hub) -> None:
    branch = deployed(hub)
    put_to_sleep(hub, branch)
    first, second = hub.execution(), hub.execution()

    assert ask(hub, "claim_wake", branch, first)["outcome"] == "wake"
    assert ask(hub, "claim_wake", branch, first)["outcome"] == "wake"  # a retry of the same
    busy = ask(hub, "claim_wake", branch, second)
    assert busy["outcome"] == "busy"
    assert busy["message"].endswith("is being woken")
    assert ask(hub, "claim_sleep", branch, second)["outcome"] == "busy"
    assert "awake" in ask(hub, "awake", branch, first)["message"]
    assert hub.known(branch).sleeping is None
    answer = ask(hub, "claim_wake", branch, second)
    assert (answer["outcome"], answer["message"].endswith("is awake")) == ("stays", True)


def test_b13_what_is_awake_is_woken_only_if_a_person_asks(hub: Hub) -> None:
    """The registry may have been lost, and with it the record that it sleeps; a push records it
    again."""
    branch, execution = deployed(hub), hub.execution()

    assert ask(hub, "claim_wake", branch, execution)["outcome"] == "stays"
    asked = ask(hub, "claim_wake", branch, execution, detail={"always": True})
    assert asked["outcome"] == "wake"


def test_b13_a_pipelines_event_wakes_the_environment_of_the_pipeline(hub: Hub) -> None:
    branch = deployed(hub)
    put_to_sleep(hub, branch)
    suffix = suffix_of_branch(branch)
    event = {"pipeline": f"transaction-pipeline-{suffix}", "state": "STARTED"}

    answer = hub.carry_out(action="claim_wake", detail=event, execution=hub.execution())
    assert (answer["outcome"], answer["suffix"]) == ("wake", suffix)


@pytest.mark.parametrize("suffix", ["staging", "production", suffix_of_branch("main")])
@pytest.mark.parametrize("action", ["claim_sleep", "claim_wake"])
def test_b13_the_trunk_and_its_environments_never_sleep(hub: Hub, action: str, suffix: str) -> None:
    answer = hub.carry_out(
        action=action, detail={"suffix": suffix, "always": True}, execution=hub.execution()
    )
    assert answer["outcome"] == "stays"
    assert "never sleeps" in answer["message"]


@pytest.mark.parametrize("action", ["claim_sleep", "claim_wake"])
def test_b13_what_is_not_there_stays_as_it_is(hub: Hub, action: str) -> None:
    unknown = ask(hub, action, hub.branch(), hub.execution())
    assert "does not exist" in unknown["message"]
    assert "a push records it again" in unknown["message"]

    failed, execution = hub.branch(), hub.execution()
    hub.admit(failed, execution)
    hub.settle(failed, execution, succeeded=False, cause="red")
    answer = ask(hub, action, failed, hub.execution())
    assert (answer["outcome"], "is failed: red" in answer["message"]) == ("stays", True)

    without_stack = hub.branch()
    hub.deploy_pipeline(without_stack)
    hub.admit(without_stack, hub.execution())
    answer = ask(hub, action, without_stack, hub.execution(), detail={"always": True})
    assert (answer["outcome"], "it has no stack" in answer["message"]) == ("stays", True)


def test_b13_it_does_not_fall_asleep_during_a_run_of_its_pipeline(hub: Hub) -> None:
    branch, execution = deployed(hub), hub.execution()
    hub.runs.running = {suffix_of_branch(branch)}

    answer = ask(hub, "claim_sleep", branch, execution)
    assert (answer["outcome"], "a run of its pipeline" in answer["message"]) == ("busy", True)
    assert hub.known(branch).sleeping is None

    hub.runs.running = set()
    assert ask(hub, "claim_sleep", branch, execution)["outcome"] == "sleep"


def test_b13_it_does_not_fall_asleep_during_a_drill(hub: Hub) -> None:
    branch, execution = deployed(hub), hub.execution()
    hub.drills.running = {suffix_of_branch(branch)}

    answer = ask(hub, "claim_sleep", branch, execution)
    assert (answer["outcome"], "a drill runs" in answer["message"]) == ("busy", True)

    hub.drills.running = set()
    assert ask(hub, "claim_sleep", branch, execution)["outcome"] == "sleep"


def test_b13_it_does_not_fall_asleep_or_wake_while_it_is_deleted(hub: Hub) -> None:
    branch = deployed(hub)
    del hub.git.branches[branch]
    assert hub.claim(branch, hub.execution())["outcome"] == "delete"

    for action in ("claim_sleep", "claim_wake"):
        answer = ask(hub, action, branch, hub.execution())
        assert (answer["outcome"], answer["message"].endswith("being deleted")) == ("busy", True)


def test_b13_nothing_is_deleted_while_it_is_put_to_sleep(hub: Hub) -> None:
    branch, execution = deployed(hub), hub.execution()
    ask(hub, "claim_sleep", branch, execution)
    del hub.git.branches[branch]

    busy = hub.claim(branch, hub.execution())
    assert (busy["outcome"], "being put to sleep" in busy["message"]) == ("busy", True)
    ask(hub, "asleep", branch, execution)
    assert hub.claim(branch, hub.execution())["outcome"] == "delete"


def test_b13_an_execution_that_ends_silently_leaves_an_environment_that_can_be_woken(
    hub: Hub,
) -> None:
    branch, execution = deployed(hub), hub.execution()
    ask(hub, "claim_sleep", branch, execution)
    hub.end(execution)

    assert ask(hub, "claim_wake", branch, hub.execution())["outcome"] == "wake"
    assert hub.known(branch).state is State.LIVE


@pytest.mark.parametrize("action", ["claim_sleep", "claim_wake"])
def test_b13_of_two_at_the_same_moment_one_gets_the_lock(
    hub: Hub, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = deployed(hub)
    put_to_sleep(hub, branch)
    monkeypatch.setattr(SleepRegistry, "lock_to_sleep", lambda *_, **__: False)
    monkeypatch.setattr(SleepRegistry, "lock_to_wake", lambda *_, **__: False)

    answer = ask(hub, action, branch, hub.execution())
    assert (answer["outcome"], answer["message"].endswith("just changed")) == ("busy", True)


def test_b13_the_lock_is_not_taken_from_another_nor_from_what_is_not_live(hub: Hub) -> None:
    branch, mine = deployed(hub), hub.execution()
    registry, suffix = SleepRegistry(hub.registry), suffix_of_branch(branch)
    assert registry.lock_to_wake(suffix, holder=mine, now=hub.now)
    assert not registry.lock_to_wake(suffix, holder="other", now=hub.now)
    assert not registry.lock_to_sleep(suffix, holder="other", now=hub.now, until=None)
    assert not registry.woken(suffix, holder="other")
    hub.registry.release(suffix, holder=mine, state=State.DESTROY_FAILED)
    assert not registry.lock_to_sleep(suffix, holder=mine, now=hub.now, until=None)
    assert not registry.lock_to_wake(suffix, holder=mine, now=hub.now)


def test_b13_a_push_of_a_sleeping_branch_extends_and_wakes_it(hub: Hub) -> None:
    branch = deployed(hub)
    put_to_sleep(hub, branch)

    answer = hub.admit(branch, hub.execution())

    assert answer["outcome"] == "wake"
    assert hub.known(branch).sleeping is not None  # until it is awake


def test_b13_a_push_waits_while_it_is_put_to_sleep(hub: Hub) -> None:
    branch, execution = deployed(hub), hub.execution()
    ask(hub, "claim_sleep", branch, execution)

    busy = hub.admit(branch, hub.execution())
    assert (busy["outcome"], "being put to sleep" in busy["message"]) == ("busy", True)
    ask(hub, "asleep", branch, execution)
    assert hub.admit(branch, hub.execution())["outcome"] == "wake"


def test_b13_an_expired_environment_sleeps_no_more(hub: Hub) -> None:
    branch = deployed(hub)
    put_to_sleep(hub, branch)
    suffix, execution = suffix_of_branch(branch), hub.execution()
    assert hub.registry.lock(
        suffix, purpose=Purpose.DESTROY, holder=execution, branch=branch, now=hub.now
    )

    hub.registry.mark_expired(suffix, holder=execution, now=hub.now)

    assert hub.known(branch).sleeping is None


def test_b13_a_failure_before_anything_was_changed_says_so(hub: Hub) -> None:
    branch = deployed(hub)
    answer = ask(hub, "sleep_or_wake_failed", branch, hub.execution(), cause="no luck")
    assert "no luck. It was not changed" in answer["message"]
