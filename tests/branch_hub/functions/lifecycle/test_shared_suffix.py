"""B4: of two branches with one suffix only the first gets an environment."""

from typing import Any

import pytest

from branch_hub.events import Reason
from branch_hub.functions.shared.records import Purpose, State
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.branch_hub.functions.lifecycle.conftest import COMMITTED, Hub

# Each pair of numbers of `feature/t-` has one suffix. Each test has its own stacks.
WITHOUT_STACKS = (13649, 94517)
WITH_STACKS = [(71299, 106843), (46850, 106862), (103594, 113542), (77264, 115498)]


def pair(hub: Hub, numbers: tuple[int, int] = WITHOUT_STACKS) -> tuple[str, str]:
    """Two live branches; the first has its environment, without stacks so far."""
    first, second = (f"feature/t-{number}" for number in numbers)
    assert suffix_of_branch(first) == suffix_of_branch(second)
    hub.git.branches |= {first: COMMITTED, second: COMMITTED}
    execution = hub.execution()
    assert hub.admit(first, execution)["outcome"] == "create"
    hub.settle(first, execution, succeeded=True)
    return first, second


def test_b4_the_second_branch_of_a_suffix_is_refused_with_the_reason(hub: Hub) -> None:
    first, second = pair(hub)
    before = hub.known(first)

    answer = hub.admit(second, hub.execution())

    assert answer["outcome"] == "refused"
    assert f"branch {second} gets no environment" in answer["message"]
    assert (
        f"belongs to branch {first}, whose name has the same hash. Rename {second}"
        in answer["message"]
    )
    assert hub.known(first) == before
    assert hub.admit(first, hub.execution())["outcome"] == "create"  # its own push


def test_b4_it_is_refused_while_the_first_is_being_created(hub: Hub) -> None:
    first, second = "feature/t-13649", "feature/t-94517"
    hub.git.branches |= {first: COMMITTED, second: COMMITTED}
    hub.admit(first, hub.execution())

    assert hub.admit(second, hub.execution())["outcome"] == "refused"
    assert hub.known(first).state is State.CREATING


@pytest.mark.parametrize("has_stacks", [True, False])
def test_b4_it_is_refused_until_the_first_is_deleted(hub: Hub, has_stacks: bool) -> None:
    first, second = pair(hub, WITH_STACKS[0] if has_stacks else WITHOUT_STACKS)
    if has_stacks:
        hub.deploy_pipeline(first)
    del hub.git.branches[first]
    assert hub.admit(second, hub.execution())["outcome"] == "refused"

    execution = hub.execution()
    assert hub.claim(first, execution)["outcome"] == "delete"  # although the second exists
    assert hub.admit(second, hub.execution())["outcome"] == "refused"
    hub.forget(first, execution)
    assert hub.record(second) is None


@pytest.mark.parametrize("is_deleted", [True, False])
def test_b4_an_expired_record_of_a_deleted_branch_frees_its_suffix(
    hub: Hub, is_deleted: bool
) -> None:
    """The event of the deletion was missed: the record would stay for 30 days."""
    first, second = pair(hub)
    execution = hub.execution()
    suffix = hub.known(first).suffix
    hub.registry.lock(suffix, purpose=Purpose.DESTROY, holder=execution, branch=first, now=hub.now)
    hub.registry.mark_expired(suffix, holder=execution, now=hub.now)
    if is_deleted:
        del hub.git.branches[first]

    answer = hub.admit(second, hub.execution())

    assert answer["outcome"] == ("create" if is_deleted else "refused")
    assert hub.known(second).branch == (second if is_deleted else first)


def test_b4_of_two_concurrent_branches_the_later_waits(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first comes at the worst moment: after all questions, before the write."""
    first, second = "feature/t-13649", "feature/t-94517"
    hub.git.branches |= {first: COMMITTED, second: COMMITTED}
    lock = hub.registry.lock

    def late(*args: Any, **kwargs: Any) -> bool:
        monkeypatch.undo()
        execution = hub.execution()
        hub.admit(first, execution)
        hub.settle(first, execution, succeeded=True)
        return lock(*args, **kwargs)

    monkeypatch.setattr(hub.registry, "lock", late)

    assert hub.admit(second, hub.execution())["outcome"] == "busy"
    assert hub.admit(second, hub.execution())["outcome"] == "refused"
    assert hub.known(first).branch == first


@pytest.mark.parametrize("reason", [Reason.DELETED, Reason.ORPHANED])
def test_b4_the_deletion_of_the_second_leaves_the_first(hub: Hub, reason: Reason) -> None:
    first, second = pair(hub)
    del hub.git.branches[second]
    before = hub.known(first)

    answer = hub.claim(second, hub.execution(), reason)

    assert answer["outcome"] == "alive"
    assert f"branch {first} exists" in answer["message"]
    assert hub.known(first) == before
    assert before.suffix in hub.quota.members()


def test_b4_the_expiry_of_the_second_leaves_the_first(hub: Hub) -> None:
    first, second = pair(hub)
    before = hub.known(first)

    assert hub.claim(second, hub.execution(), Reason.EXPIRED)["outcome"] == "not_expired"
    assert hub.known(first) == before


def test_b4_stacks_without_an_owner_stay_while_any_branch_of_their_suffix_exists(hub: Hub) -> None:
    first, second = (f"feature/t-{number}" for number in WITH_STACKS[1])
    hub.git.branches = {first: COMMITTED, "refs/heads/odd": COMMITTED}
    hub.deploy_pipeline(first)

    assert hub.claim(second, hub.execution())["outcome"] == "alive"
    del hub.git.branches[first]  # one is left, which can have no environment
    assert hub.claim(second, hub.execution())["outcome"] == "delete"


def test_b4_without_the_registry_the_tags_name_the_owner(hub: Hub) -> None:
    first, second = (f"feature/t-{number}" for number in WITH_STACKS[2])
    hub.git.branches = {second: COMMITTED}
    hub.deploy_pipeline(first, tags={"branch": first})

    assert hub.admit(second, hub.execution())["outcome"] == "refused"
    assert hub.claim(first, hub.execution())["outcome"] == "delete"


def test_b4_a_tag_of_another_suffix_names_no_owner(hub: Hub) -> None:
    """Put there by a person, or a ref: what has no such suffix is not the owner."""
    branch = hub.branch("feature/tagged")
    hub.deploy_pipeline(branch, tags={"branch": "refs/heads/main"})

    assert hub.admit(branch, hub.execution())["outcome"] == "extended"


def test_b4_no_other_branch_gets_the_trunks_suffix(hub: Hub) -> None:
    """Also where the trunk's pipeline was deployed by hand, and nobody registered it."""
    trunk, other = "feature/t-13649", "feature/t-94517"
    hub.git.branches |= {trunk: COMMITTED, other: COMMITTED}
    hub.trunk = trunk

    assert hub.admit(other, hub.execution())["outcome"] == "refused"
    assert hub.record(other) is None
