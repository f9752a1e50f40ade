"""S8, B2: the current state decides whether a pushed branch gets an environment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from branch_hub.functions.shared.records import Purpose, State
from branch_hub.git_hosts.git_host import HostUnavailable
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.account import tags_of
from tests.branch_hub.functions.lifecycle.conftest import COMMITTED, LIFETIME, Hub


def test_s8_a_new_branch_is_admitted_with_the_lock(hub: Hub) -> None:
    branch, execution = hub.branch(), hub.execution()

    answer = hub.admit(branch, execution)

    assert answer["outcome"] == "create"
    assert (answer["branch"], answer["commit"]) == (branch, "c0ffee")
    record = hub.known(branch)
    assert record.state is State.CREATING
    assert record.lock is not None
    assert (record.lock.holder, record.lock.purpose) == (execution, Purpose.CREATE)
    assert record.expires_at == hub.now + LIFETIME
    assert answer["suffix"] in hub.quota.members()


def test_s8_the_holder_of_the_lock_may_ask_again(hub: Hub) -> None:
    """Step Functions tries a step again whose answer was lost, also when stacks stand by then."""
    branch, execution = hub.branch(), hub.execution()
    hub.admit(branch, execution)
    assert hub.admit(branch, execution)["outcome"] == "create"

    hub.deploy_pipeline(branch)

    assert hub.admit(branch, execution)["outcome"] == "create"


def test_s8_a_push_of_a_deleted_branch_creates_nothing(hub: Hub) -> None:
    """Push and delete at once: whichever is told first, the host is asked."""
    branch = hub.branch(is_live=False)

    assert hub.admit(branch, hub.execution())["outcome"] == "gone"
    assert hub.record(branch) is None
    assert hub.quota.members() == set()


def test_s8_a_push_to_an_existing_environment_extends_it(hub: Hub) -> None:
    branch = hub.branch()
    hub.deploy_pipeline(branch)

    answer = hub.admit(branch, hub.execution())

    assert answer["outcome"] == "extended"
    record = hub.known(branch)
    assert (record.state, record.lock) == (State.LIVE, None)
    assert record.expires_at == hub.now + LIFETIME
    # An environment that a person deployed counts, too.
    assert answer["suffix"] in hub.quota.members()


def test_s8_the_same_event_twice_creates_one_environment(hub: Hub) -> None:
    branch, creator = hub.branch(), hub.execution()
    assert hub.admit(branch, creator)["outcome"] == "create"
    hub.now += timedelta(hours=1)

    other = hub.execution()
    assert hub.admit(branch, other)["outcome"] == "busy"

    record = hub.known(branch)
    assert record.state is State.CREATING
    assert record.lock is not None
    assert record.lock.holder == creator
    assert record.expires_at == hub.now + LIFETIME

    hub.deploy_pipeline(branch)
    hub.settle(branch, creator, succeeded=True)
    assert hub.admit(branch, other)["outcome"] == "extended"


def test_s8_a_push_during_a_failing_build_is_created_after_it(hub: Hub) -> None:
    """The second push is what mends the first: nobody would push again."""
    branch, creator, second = hub.branch(), hub.execution(), hub.execution()
    hub.admit(branch, creator)
    assert hub.admit(branch, second)["outcome"] == "busy"

    hub.settle(branch, creator, succeeded=False, cause="red")

    assert hub.admit(branch, second)["outcome"] == "create"


def test_s8_of_concurrent_executions_one_creates_it(hub: Hub) -> None:
    branch = hub.branch()
    executions = [hub.execution() for _ in range(8)]
    barrier = Barrier(len(executions))

    def admit(execution: str) -> str:
        barrier.wait()
        return str(hub.admit(branch, execution)["outcome"])

    with ThreadPoolExecutor(len(executions)) as pool:
        outcomes = list(pool.map(admit, executions))

    assert outcomes.count("create") == 1
    assert set(outcomes) <= {"create", "extended", "busy"}


def test_s8_a_recreated_branch_waits_until_its_old_environment_is_deleted(hub: Hub) -> None:
    branch, destroyer, creator = hub.branch(is_live=False), hub.execution(), hub.execution()
    hub.deploy_pipeline(branch)
    assert hub.claim(branch, destroyer)["outcome"] == "delete"

    hub.git.branches[branch] = "2026-11-22T03:00:00Z"
    assert hub.admit(branch, creator)["outcome"] == "busy"

    hub.account.client("cloudformation").delete_stack(
        StackName=f"DeliveryPipeline-{suffix_of_branch(branch)}"
    )
    hub.account.wait_for(f"DeliveryPipeline-{suffix_of_branch(branch)}", "GONE")
    hub.forget(branch, destroyer)
    assert hub.admit(branch, creator)["outcome"] == "create"


def test_s8_the_lock_of_a_finished_execution_blocks_nothing(hub: Hub) -> None:
    branch, dead = hub.branch(), hub.execution()
    hub.admit(branch, dead)
    hub.end(dead)

    assert hub.admit(branch, hub.execution())["outcome"] == "create"


def test_s8_a_push_extends_an_environment_whose_deletion_was_interrupted(hub: Hub) -> None:
    branch, dead = hub.branch(is_live=False), hub.execution()
    hub.deploy_pipeline(branch)
    hub.claim(branch, dead)
    hub.end(dead)
    hub.git.branches[branch] = "2026-11-22T03:00:00Z"

    assert hub.admit(branch, hub.execution())["outcome"] == "extended"
    assert hub.known(branch).state is State.LIVE


def test_s8_a_failed_creation_is_retried(hub: Hub) -> None:
    branch = hub.branch()
    suffix = suffix_of_branch(branch)
    hub.account.client("s3").create_bucket(Bucket=f"taken-{suffix}")
    taken = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"taken-{suffix}"}}
    hub.account.deploy(
        f"DeliveryPipeline-{suffix}",
        tags=tags_of(suffix),
        resources={"Bucket": taken},
        expected="ROLLBACK_COMPLETE",
    )

    assert hub.admit(branch, hub.execution())["outcome"] == "create"


def test_b2_a_full_quota_refuses_and_lists_the_oldest(hub: Hub) -> None:
    started, first, second = hub.now, hub.branch("feature/old"), hub.branch("feature/young")
    for branch in (first, second):
        execution = hub.execution()
        hub.admit(branch, execution)
        hub.settle(branch, execution, succeeded=True)
        hub.now += timedelta(days=3)
    late = hub.branch("feature/late")

    answer = hub.admit(late, hub.execution())

    assert answer["outcome"] == "refused"
    message = answer["message"]
    assert f"branch {late} gets no environment: 2 of 2 are in use" in message
    old, young = (
        f"{first} ({suffix_of_branch(first)}, 6 days old)",
        f"{second} ({suffix_of_branch(second)}, 3 days old)",
    )
    assert f"The oldest: {old}, {young}." in message
    assert "Delete a finished branch" in message
    assert "branches.quota in cdk.json" in message
    record = hub.known(late)
    assert (record.state, record.lock, record.created_at) == (
        State.REFUSED,
        None,
        started + timedelta(days=6),
    )


def test_b2_of_concurrent_branches_as_many_are_created_as_the_quota_allows(hub: Hub) -> None:
    pushed = [(hub.branch(), hub.execution()) for _ in range(8)]
    barrier = Barrier(len(pushed))

    def admit(one: tuple[str, str]) -> str:
        barrier.wait()
        return str(hub.admit(*one)["outcome"])

    with ThreadPoolExecutor(len(pushed)) as pool:
        outcomes = list(pool.map(admit, pushed))

    assert sorted(outcomes) == ["create"] * 2 + ["refused"] * 6


def test_b2_the_place_of_a_deleted_branch_is_used_again(hub: Hub) -> None:
    branches = [(hub.branch(), hub.execution()) for _ in range(2)]
    for branch, execution in branches:
        hub.admit(branch, execution)
        hub.settle(branch, execution, succeeded=True)
    late, first = hub.branch(), branches[0][0]
    assert hub.admit(late, hub.execution())["outcome"] == "refused"

    del hub.git.branches[first]
    destroyer = hub.execution()
    hub.claim(first, destroyer)
    hub.forget(first, destroyer)

    assert hub.admit(late, hub.execution())["outcome"] == "create"


def test_s7_the_trunk_never_gets_a_second_pipeline(hub: Hub) -> None:
    """Its own may have a suffix that was given by hand, which is not looked for."""
    hub.git.branches["main"] = COMMITTED

    assert hub.admit("main", hub.execution())["outcome"] == "protected"
    assert hub.record("main") is None

    hub.deploy_pipeline("main")
    assert hub.admit("main", hub.execution())["outcome"] == "extended"
    assert hub.known("main").expires_at is None
    assert hub.quota.members() == set()
    hub.account.client("cloudformation").delete_stack(
        StackName=f"DeliveryPipeline-{suffix_of_branch('main')}"
    )


def test_b2_a_protected_environment_needs_no_place_and_never_expires(hub: Hub) -> None:
    base = "release/1"
    for number in range(hub.quota.limit):
        hub.quota.take(f"b{number}")
    hub.git.branches[base] = "2026-11-22T03:00:00Z"
    execution = hub.execution()

    assert hub.admit(base, execution)["outcome"] == "create"

    assert hub.known(base).expires_at is None
    hub.settle(base, execution, succeeded=True)
    suffix = hub.deploy_pipeline(base).removeprefix("DeliveryPipeline-")
    assert hub.admit(base, hub.execution())["outcome"] == "extended"
    assert hub.known(base).expires_at is None
    assert suffix not in hub.quota.members()
    hub.account.client("cloudformation").delete_stack(StackName=f"DeliveryPipeline-{suffix}")


def test_s8_a_half_deleted_environment_is_not_deployed_again(hub: Hub) -> None:
    branch = hub.branch()
    suffix = suffix_of_branch(branch)
    half_delete(hub, f"transaction-{suffix}", suffix)
    hub.deploy_pipeline(branch)

    answer = hub.admit(branch, hub.execution())

    assert answer["outcome"] == "refused"
    assert "make reconcile APPLY=yes" in answer["message"]
    assert hub.record(branch) is None


def test_b4_a_stack_of_another_repository_with_the_same_name_is_not_updated(hub: Hub) -> None:
    branch = hub.branch()
    hub.deploy_pipeline(branch, tags={"repository": "fork/app"})

    answer = hub.admit(branch, hub.execution())

    assert answer["outcome"] == "refused"
    assert "belongs to repository fork/app. Use one repository per account" in answer["message"]
    assert hub.record(branch) is None


def half_delete(hub: Hub, name: str, suffix: str) -> None:
    """A stack whose bucket holds an object: its deletion fails."""
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"kept-{suffix}"}}
    hub.account.deploy(name, tags=tags_of(suffix), resources={"Bucket": bucket})
    hub.account.client("s3").put_object(Bucket=f"kept-{suffix}", Key="kept", Body=b"x")
    hub.account.client("cloudformation").delete_stack(StackName=name)
    hub.account.wait_for(name, "DELETE_FAILED")


def test_b2_a_host_that_does_not_answer_decides_nothing(hub: Hub) -> None:
    branch = hub.branch()
    hub.git.refusals = {"": 503}

    with pytest.raises(HostUnavailable):
        hub.admit(branch, hub.execution())
    assert hub.record(branch) is None


@pytest.mark.parametrize("purpose", [Purpose.CREATE, Purpose.DESTROY])
def test_s8_an_environment_locked_between_the_check_and_the_lock_is_busy(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, purpose: Purpose
) -> None:
    """The other one comes at the worst moment: after all questions, before the write."""
    branch, other = hub.branch(), hub.execution()
    suffix = suffix_of_branch(branch)
    if purpose is Purpose.DESTROY:
        hub.deploy_pipeline(branch)
    before = "lock" if purpose is Purpose.CREATE else "extend"
    write = getattr(hub.registry, before)

    def late(*args: Any, **kwargs: Any) -> bool:
        monkeypatch.undo()
        hub.registry.lock(suffix, purpose=purpose, holder=other, branch=branch, now=hub.now)
        return bool(write(*args, **kwargs))

    monkeypatch.setattr(hub.registry, before, late)

    assert hub.admit(branch, hub.execution())["outcome"] == "busy"
    lock = hub.known(branch).lock
    assert lock is not None
    assert lock.holder == other
