"""B4: two branches whose names meet in one suffix never get one environment."""

from typing import Any

import pytest

from branch_hub.functions.shared.events import Reason
from branch_hub.functions.shared.records import State
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.branch_hub.functions.lifecycle.conftest import COMMITTED, LIFETIME, Hub

# Each pair of numbers of `feature/t-` has one suffix. Stacks of one test are not in another's way.
WITHOUT_STACKS = (13649, 94517)
WITH_STACKS = [(71299, 106843), (46850, 106862), (103594, 113542), (77264, 115498)]


def pair(hub: Hub, numbers: tuple[int, int] = WITHOUT_STACKS) -> tuple[str, str]:
    """Two live branches; the first has its environment, without stacks so far."""
    first, second = (f"feature/t-{number}" for number in numbers)
    assert suffix_of_branch(first) == suffix_of_branch(second)
    hub.git.branches |= {first: COMMITTED, second: COMMITTED}
    execution = hub.execution()
    assert hub.admit(first, execution)["outcome"] == "make"
    hub.settle(first, execution, succeeded=True)
    return first, second


def test_b4_the_second_of_two_that_share_a_suffix_is_refused_and_told_why(hub: Hub) -> None:
    first, second = pair(hub)
    before = hub.known(first)

    answer = hub.admit(second, hub.execution())

    assert answer["outcome"] == "refused"
    assert f"branch {second} gets no environment" in answer["message"]
    assert f"as that of branch {first} is. Rename {second}" in answer["message"]
    assert hub.known(first) == before
    assert hub.admit(first, hub.execution())["outcome"] == "make"  # its own push


def test_b4_it_is_refused_while_the_first_is_being_made(hub: Hub) -> None:
    first, second = "feature/t-13649", "feature/t-94517"
    hub.git.branches |= {first: COMMITTED, second: COMMITTED}
    hub.admit(first, hub.execution())

    assert hub.admit(second, hub.execution())["outcome"] == "refused"
    assert hub.known(first).state is State.CREATING


def test_b4_it_is_refused_while_stacks_of_the_first_are_there(hub: Hub) -> None:
    first, second = pair(hub, WITH_STACKS[0])
    hub.deploy_pipeline(first)
    del hub.git.branches[first]

    assert hub.admit(second, hub.execution())["outcome"] == "refused"


def test_b4_what_the_first_left_is_the_seconds(hub: Hub) -> None:
    """Nothing is deployed, the branch is gone: only its record was in the way."""
    first, second = pair(hub)
    del hub.git.branches[first]

    execution = hub.execution()
    assert hub.admit(second, execution)["outcome"] == "busy"
    assert hub.admit(second, execution)["outcome"] == "make"
    assert hub.known(second).branch == second


def test_b4_the_second_waits_for_whoever_still_works_on_the_firsts(hub: Hub) -> None:
    first, second = pair(hub)
    del hub.git.branches[first]
    assert hub.claim(first, hub.execution())["outcome"] == "unmake"

    assert hub.admit(second, hub.execution())["outcome"] == "busy"
    assert hub.known(first).branch == first


def test_b4_of_two_that_come_at_once_the_later_asks_again(
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


@pytest.mark.parametrize("first_is_live", [True, False])
@pytest.mark.parametrize("reason", [Reason.DELETED, Reason.EXPIRED, Reason.ORPHANED])
def test_b4_the_deletion_of_the_second_does_nothing_to_the_first(
    hub: Hub, reason: Reason, first_is_live: bool
) -> None:
    first, second = pair(hub)
    del hub.git.branches[second]
    if not first_is_live:
        del hub.git.branches[first]  # its own deletion is another event
    hub.now += LIFETIME
    before = hub.known(first)

    assert hub.claim(second, hub.execution(), reason)["outcome"] == "nothing"
    assert hub.known(first) == before
    assert before.suffix in hub.quota.members()


def test_b4_stacks_that_nobody_registered_may_be_another_live_branchs(hub: Hub) -> None:
    first, second = (f"feature/t-{number}" for number in WITH_STACKS[1])
    hub.git.branches = {first: COMMITTED, "refs/heads/odd": COMMITTED}
    hub.deploy_pipeline(first)

    assert hub.claim(second, hub.execution())["outcome"] == "alive"
    del hub.git.branches[first]  # one is left, which can have no environment
    assert hub.claim(second, hub.execution())["outcome"] == "unmake"


def test_b4_stacks_say_whose_they_are_when_the_registry_is_lost(hub: Hub) -> None:
    first, second = (f"feature/t-{number}" for number in WITH_STACKS[2])
    hub.git.branches = {second: COMMITTED}
    hub.deploy_pipeline(first, tags={"branch": first})

    assert hub.admit(second, hub.execution())["outcome"] == "refused"
    assert hub.claim(second, hub.execution())["outcome"] == "nothing"
    assert hub.claim(first, hub.execution())["outcome"] == "unmake"


def test_b4_a_tag_that_is_not_of_the_suffix_says_nothing(hub: Hub) -> None:
    """Put there by a person, or a ref: what has no such suffix is not the owner."""
    branch = hub.branch("feature/tagged")
    hub.deploy_pipeline(branch, tags={"branch": "refs/heads/main"})

    assert hub.admit(branch, hub.execution())["outcome"] == "extended"


def test_b4_what_is_the_firsts_is_not_forgotten_for_the_second(hub: Hub) -> None:
    first, second = pair(hub)
    del hub.git.branches[first]
    execution = hub.execution()
    hub.claim(first, execution)

    hub.forget(second, execution)
    assert hub.known(first).state is State.DESTROYING

    hub.forget(first, execution)
    assert hub.record(first) is None


def test_b4_the_trunks_suffix_is_no_other_branchs(hub: Hub) -> None:
    """Also where the trunk's pipeline was deployed by hand, and nobody registered it."""
    trunk, other = "feature/t-13649", "feature/t-94517"
    hub.git.branches |= {trunk: COMMITTED, other: COMMITTED}
    hub.trunk = trunk

    assert hub.admit(other, hub.execution())["outcome"] == "refused"
    assert hub.record(other) is None
