"""S8, B2: whether an environment is deleted depends on the current state."""

from datetime import timedelta
from typing import Any

import pytest

from branch_hub.events import InvalidEvent, Reason
from branch_hub.functions.shared.records import Purpose, State
from branch_hub.git_hosts.git_host import HostUnavailable
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.account import tags_of
from tests.branch_hub.functions.lifecycle.conftest import COMMITTED, LIFETIME, Hub
from tests.branch_hub.functions.lifecycle.test_admit import half_delete


def live(hub: Hub, *, is_live: bool = True) -> str:
    """A branch with its environment."""
    branch, execution = hub.branch(), hub.execution()
    hub.admit(branch, execution)
    hub.deploy_pipeline(branch)
    hub.settle(branch, execution, succeeded=True)
    if not is_live:
        del hub.git.branches[branch]
    return branch


def test_s8_a_deleted_branch_is_claimed_with_the_lock(hub: Hub) -> None:
    branch, execution = live(hub, is_live=False), hub.execution()

    assert hub.claim(branch, execution)["outcome"] == "delete"
    assert hub.claim(branch, execution)["outcome"] == "delete"

    record = hub.known(branch)
    assert record.state is State.DESTROYING
    assert record.lock is not None
    assert (record.lock.holder, record.lock.purpose) == (execution, Purpose.DESTROY)


def test_s8_a_branch_that_exists_again_keeps_its_environment(hub: Hub) -> None:
    """The event of a deletion came late, or twice: the host is asked."""
    branch = live(hub)

    assert hub.claim(branch, hub.execution())["outcome"] == "alive"
    assert hub.known(branch).state is State.LIVE


def test_b2_nothing_is_deleted_if_the_host_does_not_answer(hub: Hub) -> None:
    branch = live(hub, is_live=False)
    for refusal in (404, 401, 503):
        hub.git.refusals = {"": refusal}
        for reason in (Reason.DELETED, Reason.ORPHANED):
            with pytest.raises(HostUnavailable):
                hub.claim(branch, hub.execution(), reason)
    assert hub.known(branch).state is State.LIVE


def test_s8_a_deletion_waits_for_the_end_of_a_drill(hub: Hub) -> None:
    """FIS puts the network rules back; without them the network could not be deleted."""
    branch = live(hub)
    del hub.git.branches[branch]
    hub.drills.running = {suffix_of_branch(branch)}

    answer = hub.claim(branch, hub.execution())
    assert (answer["outcome"], "a drill runs" in answer["message"]) == ("busy", True)
    assert hub.known(branch).state is State.LIVE

    hub.drills.running = set()
    assert hub.claim(branch, hub.execution())["outcome"] == "delete"


def test_s8_a_deletion_waits_for_the_end_of_the_creation(hub: Hub) -> None:
    branch, creator = hub.branch(), hub.execution()
    hub.admit(branch, creator)
    del hub.git.branches[branch]

    answer = hub.claim(branch, hub.execution())
    assert (answer["outcome"], answer["message"].split()[-1]) == ("busy", "created")

    hub.settle(branch, creator, succeeded=True)
    assert hub.claim(branch, hub.execution())["outcome"] == "delete"


def test_s8_a_second_deletion_waits_for_the_first(hub: Hub) -> None:
    branch, first = live(hub, is_live=False), hub.execution()
    hub.claim(branch, first)

    assert hub.claim(branch, hub.execution())["message"].endswith("being deleted")

    hub.end(first)
    assert hub.claim(branch, hub.execution())["outcome"] == "delete"


def test_s8_a_missing_environment_keeps_no_place_in_the_quota(hub: Hub) -> None:
    branch = hub.branch(is_live=False)
    hub.quota.take(suffix_of_branch(branch))

    assert hub.claim(branch, hub.execution())["outcome"] == "nothing"

    assert hub.record(branch) is None
    assert hub.quota.members() == set()


def test_s8_an_environment_without_a_record_is_deleted(hub: Hub) -> None:
    branch = hub.branch(is_live=False)
    hub.deploy_pipeline(branch)

    assert hub.claim(branch, hub.execution())["outcome"] == "delete"


@pytest.mark.parametrize("branch", ["main", "release/1"])
@pytest.mark.parametrize("reason", [Reason.DELETED, Reason.EXPIRED, Reason.ORPHANED])
def test_b2_a_protected_environment_is_never_deleted(hub: Hub, branch: str, reason: Reason) -> None:
    """Also when its branch is not there."""
    hub.registry.extend(
        suffix_of_branch(branch), branch=branch, commit=None, now=hub.now, expires_at=hub.now
    )

    assert hub.claim(branch, hub.execution(), reason)["outcome"] == "protected"
    assert hub.known(branch).state is State.LIVE


@pytest.mark.parametrize("branch", ["main", "release/1"])
def test_b2_a_protected_environment_is_known_without_its_branch(hub: Hub, branch: str) -> None:
    if branch != "main":  # the trunk is known without a record, too
        hub.registry.extend(
            suffix_of_branch(branch), branch=branch, commit=None, now=hub.now, expires_at=None
        )

    answer = hub.claim(branch, hub.execution(), Reason.ORPHANED, branch=None)

    assert answer["outcome"] == "protected"


@pytest.mark.parametrize("reason", [Reason.DELETED, Reason.EXPIRED, Reason.ORPHANED])
def test_b2_without_the_registry_a_protected_branch_is_found_by_its_stacks(
    hub: Hub, reason: Reason
) -> None:
    branch = hub.branch("release/tagged", is_live=False)
    hub.deploy_pipeline(branch, tags={"branch": branch})
    hub.now += LIFETIME + timedelta(minutes=5)
    said = {} if reason is not Reason.ORPHANED else {"branch": None}

    assert hub.claim(branch, hub.execution(), reason, **said)["outcome"] == "protected"
    assert hub.record(branch) is None


def test_b2_termination_protection_is_respected(hub: Hub) -> None:
    branch = hub.branch(is_live=False)
    hub.deploy_pipeline(branch, is_protected=True)

    assert hub.claim(branch, hub.execution())["outcome"] == "protected"
    assert hub.record(branch) is None


def test_b2_an_expired_environment_is_deleted_although_its_branch_exists(hub: Hub) -> None:
    branch = live(hub)
    hub.now += LIFETIME

    assert hub.claim(branch, hub.execution(), Reason.EXPIRED)["outcome"] == "delete"


def test_b2_a_push_before_the_claim_keeps_an_expired_environment(hub: Hub) -> None:
    branch = live(hub)
    hub.now += LIFETIME
    hub.admit(branch, hub.execution())

    assert hub.claim(branch, hub.execution(), Reason.EXPIRED)["outcome"] == "not_expired"


def test_b2_a_push_between_the_check_and_the_lock_keeps_the_environment(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch, execution = live(hub), hub.execution()
    hub.now += LIFETIME
    lock = hub.registry.lock

    def late(*args: Any, **kwargs: Any) -> bool:
        monkeypatch.undo()
        hub.admit(branch, hub.execution())
        return lock(*args, **kwargs)

    monkeypatch.setattr(hub.registry, "lock", late)

    assert hub.claim(branch, execution, Reason.EXPIRED)["outcome"] == "busy"
    assert hub.claim(branch, execution, Reason.EXPIRED)["outcome"] == "not_expired"


def test_b2_an_environment_without_a_record_expires_by_the_age_of_its_stacks(hub: Hub) -> None:
    branch = hub.branch()
    hub.deploy_pipeline(branch)

    hub.now += LIFETIME - timedelta(minutes=5)
    assert hub.claim(branch, hub.execution(), Reason.EXPIRED)["outcome"] == "not_expired"
    hub.now += timedelta(minutes=10)
    assert hub.claim(branch, hub.execution(), Reason.EXPIRED)["outcome"] == "delete"


def test_b2_a_missing_environment_has_not_expired(hub: Hub) -> None:
    assert hub.claim(hub.branch(), hub.execution(), Reason.EXPIRED)["outcome"] == "not_expired"


def test_b2_an_orphan_of_an_unknown_branch_is_compared_with_all_live_branches(hub: Hub) -> None:
    branch = hub.branch()
    hub.git.branches["another"] = COMMITTED
    hub.deploy_pipeline(branch)

    def claim() -> str:
        answer = hub.claim(branch, hub.execution(), Reason.ORPHANED, branch=None)
        return str(answer["outcome"])

    assert claim() == "alive"
    del hub.git.branches[branch]
    assert claim() == "delete"


def test_b2_an_empty_list_of_branches_proves_nothing(hub: Hub) -> None:
    branch = hub.branch(is_live=False)
    hub.deploy_pipeline(branch)
    hub.git.branches = {}

    with pytest.raises(HostUnavailable, match="lists no branch"):
        hub.claim(branch, hub.execution(), Reason.ORPHANED, branch=None)


def test_b2_a_registered_orphan_is_checked_by_its_branch(hub: Hub) -> None:
    branch = live(hub)

    answer = hub.claim(branch, hub.execution(), Reason.ORPHANED, branch=None)

    assert (answer["outcome"], answer["branch"]) == ("alive", branch)


@pytest.mark.parametrize("reason", [Reason.ORPHANED, Reason.EXPIRED, Reason.DELETED])
def test_b2_a_half_deleted_environment_is_deleted_although_its_branch_exists(
    hub: Hub, reason: Reason
) -> None:
    """Nothing could be built upon it: the branch gets a new one when this is gone."""
    branch = hub.branch()
    suffix = suffix_of_branch(branch)
    half_delete(hub, f"transaction-{suffix}", suffix)

    assert hub.claim(branch, hub.execution(), reason)["outcome"] == "delete"


def test_b4_branches_with_the_same_slug_are_deleted_separately(hub: Hub) -> None:
    slash, hyphen = "feature/a", "feature-a"
    for branch in (slash, hyphen):
        hub.git.branches[branch] = COMMITTED
        execution = hub.execution()
        hub.admit(branch, execution)
        hub.settle(branch, execution, succeeded=True)
    del hub.git.branches[slash]

    assert hub.claim(slash, hub.execution())["outcome"] == "delete"
    assert hub.claim(hyphen, hub.execution())["outcome"] == "alive"
    assert hub.known(hyphen).state is State.LIVE


def test_s8_stacks_with_other_tags_are_not_found(hub: Hub) -> None:
    branch = hub.branch(is_live=False)
    suffix = suffix_of_branch(branch)
    hub.account.deploy(f"transaction-{suffix}", tags={**tags_of(suffix), "repository": "fork/app"})

    assert hub.claim(branch, hub.execution())["outcome"] == "nothing"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"action": "claim", "reason": "pushed"}, "a pushed branch is not deleted"),
        ({"action": "admit", "reason": "deleted"}, "only a pushed branch is admitted"),
        ({"action": "claim", "repository": "fork/app"}, "repository is 'fork/app': this hub"),
        ({"action": "destroy"}, "action is 'destroy': it must be one of admit, claim"),
        ({"action": None}, "action is None"),
    ],
)
def test_s8_a_malformed_request_is_refused(
    hub: Hub, request_: dict[str, Any], message: str
) -> None:
    branch = hub.branch()
    detail = {k: v for k, v in request_.items() if k != "action"}
    with pytest.raises(InvalidEvent, match=message):
        hub.ask(request_["action"], branch, Reason.PUSHED, "arn:execution", detail)
