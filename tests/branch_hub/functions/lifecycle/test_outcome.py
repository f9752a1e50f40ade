"""S8, B2, B3: only the holder of the lock records the result, once."""

import pytest

from branch_hub.events import Reason
from branch_hub.functions.lifecycle.outcome import PipelineMissing
from branch_hub.functions.shared.records import State
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.branch_hub.functions.lifecycle.conftest import LIFETIME, Hub
from tests.branch_hub.functions.lifecycle.test_claim import live


def made(hub: Hub) -> tuple[str, str]:
    branch, execution = hub.branch(), hub.execution()
    hub.admit(branch, execution)
    return branch, execution


def test_s8_a_deployed_pipeline_is_live(hub: Hub) -> None:
    branch, execution = made(hub)

    assert hub.settle(branch, execution, succeeded=True)["outcome"] == "live"

    record = hub.known(branch)
    assert (record.state, record.lock) == (State.LIVE, None)
    assert suffix_of_branch(branch) in hub.quota.members()


def test_b2_a_failed_creation_keeps_no_place_and_may_be_retried(hub: Hub) -> None:
    branch, execution = made(hub)

    answer = hub.settle(branch, execution, succeeded=False, cause="make test failed")

    assert answer["outcome"] == "failed"
    assert "make test failed. A push to the branch tries again" in answer["message"]
    record = hub.known(branch)
    assert (record.state, record.cause, record.lock) == (State.FAILED, "make test failed", None)
    assert hub.quota.members() == set()
    assert hub.admit(branch, hub.execution())["outcome"] == "create"


def test_s64_a_refusal_of_the_build_is_recorded_with_its_reason(hub: Hub) -> None:
    """It keeps no place, and only a push tries again: the reconciler leaves failed ones alone."""
    branch, execution = made(hub)

    answer = hub.settle(branch, execution, succeeded=True, verdict="refused: two stacks")

    suffix = suffix_of_branch(branch)
    assert answer["outcome"] == "refused"
    assert answer["message"] == f"environment {suffix} was refused: two stacks"
    record = hub.known(branch)
    assert (record.state, record.cause, record.lock) == (State.FAILED, "two stacks", None)
    assert hub.quota.members() == set()
    assert hub.admit(branch, hub.execution())["outcome"] == "create"


def test_s64_a_build_without_a_verdict_is_live_only_with_its_pipeline(hub: Hub) -> None:
    branch, execution = made(hub)
    with pytest.raises(PipelineMissing, match=f"of {suffix_of_branch(branch)} deployed nothing"):
        hub.settle(branch, execution, succeeded=True, verdict=None)

    hub.deploy_pipeline(branch)
    assert hub.settle(branch, execution, succeeded=True, verdict=None)["outcome"] == "live"


def test_b2_a_partly_created_environment_keeps_its_place(hub: Hub) -> None:
    branch, execution = made(hub)
    hub.deploy_pipeline(branch)

    hub.settle(branch, execution, succeeded=False, cause="red")

    assert suffix_of_branch(branch) in hub.quota.members()


def test_s8_an_execution_that_lost_the_lock_changes_nothing(hub: Hub) -> None:
    """An execution that was stopped and went on all the same."""
    branch, late = made(hub)
    hub.end(late)
    holder = hub.execution()
    hub.admit(branch, holder)

    hub.settle(branch, late, succeeded=False, cause="late")
    hub.forget(branch, late)
    hub.carry_out(action="abandon", suffix=suffix_of_branch(branch), execution=late, cause="late")

    record = hub.known(branch)
    assert record.state is State.CREATING
    assert record.lock is not None
    assert record.lock.holder == holder
    assert suffix_of_branch(branch) in hub.quota.members()


def test_b3_the_record_and_place_of_a_deleted_environment_are_deleted(hub: Hub) -> None:
    branch, execution = live(hub, is_live=False), hub.execution()
    hub.claim(branch, execution)

    answer = hub.forget(branch, execution, removed=["stack one", "log group two"])

    assert answer["outcome"] == "forgotten"
    assert "deleted: stack one, log group two" in answer["message"]
    assert hub.record(branch) is None
    assert hub.quota.members() == set()
    # The step is retried if its answer was lost.
    assert hub.forget(branch, execution)["message"].endswith("deleted: nothing was left")


def test_b2_a_repeated_step_does_not_free_the_place_of_the_next_execution(hub: Hub) -> None:
    branch, execution = live(hub, is_live=False), hub.execution()
    hub.claim(branch, execution)
    hub.forget(branch, execution)
    suffix = suffix_of_branch(branch)
    hub.account.client("cloudformation").delete_stack(StackName=f"DeliveryPipeline-{suffix}")
    hub.account.wait_for(f"DeliveryPipeline-{suffix}", "GONE")
    hub.git.branches[branch] = "2026-11-22T03:00:00Z"
    hub.admit(branch, hub.execution())

    hub.forget(branch, execution)

    assert suffix in hub.quota.members()
    assert hub.known(branch).state is State.CREATING


def test_b2_only_a_push_creates_an_expired_environment_again(hub: Hub) -> None:
    branch = live(hub)
    hub.now += LIFETIME
    execution = hub.execution()
    hub.claim(branch, execution, Reason.EXPIRED)

    hub.forget(branch, execution, reason="expired", branch=None)

    assert hub.known(branch).state is State.EXPIRED
    assert hub.quota.members() == set()


def test_b3_a_failed_teardown_keeps_its_place_and_is_retried(hub: Hub) -> None:
    branch, execution = live(hub, is_live=False), hub.execution()
    hub.claim(branch, execution)

    answer = hub.carry_out(
        action="abandon",
        suffix=suffix_of_branch(branch),
        execution=execution,
        cause="a bucket stays",
    )

    assert answer["outcome"] == "abandoned"
    assert "a bucket stays" in answer["message"]
    record = hub.known(branch)
    assert (record.state, record.cause) == (State.DESTROY_FAILED, "a bucket stays")
    assert suffix_of_branch(branch) in hub.quota.members()
    assert hub.claim(branch, hub.execution())["outcome"] == "delete"


def test_b3_an_interrupted_deletion_is_retried(hub: Hub) -> None:
    branch, dead = live(hub, is_live=False), hub.execution()
    hub.claim(branch, dead)
    hub.end(dead)

    assert hub.claim(branch, hub.execution())["outcome"] == "delete"
