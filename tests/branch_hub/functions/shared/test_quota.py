"""B2: the quota is never exceeded, even by concurrent calls."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from branch_hub.functions.shared.quota import Quota
from tests.account import Account

ASKING = 24
LIMIT = 5


@pytest.fixture
def quota(account: Account) -> Quota:
    return Quota(table=account.table(account.create_table()), limit=LIMIT)


def test_b2_concurrent_calls_fill_the_quota_exactly(
    quota: Quota,
) -> None:
    barrier = Barrier(ASKING)

    def take(number: int) -> bool:
        barrier.wait()
        return quota.take(f"b{number}")

    with ThreadPoolExecutor(ASKING) as pool:
        got = list(pool.map(take, range(ASKING)))

    assert got.count(True) == LIMIT
    assert quota.members() == {f"b{number}" for number in range(ASKING) if got[number]}


def test_b2_a_member_takes_only_one_place(quota: Quota) -> None:
    for number in range(LIMIT):
        assert quota.take(f"b{number}")

    assert quota.take("b0")
    assert not quota.take("late")
    assert len(quota.members()) == LIMIT


def test_b2_a_released_place_is_free_again(quota: Quota) -> None:
    for number in range(LIMIT):
        quota.take(f"b{number}")

    quota.give_back("b0")
    quota.give_back("b0")
    quota.give_back("never in")

    assert quota.take("late")
    assert not quota.take("b0")


def test_b2_the_quota_works_after_its_last_member_left(quota: Quota) -> None:
    """DynamoDB has no empty set: the attribute goes with its last member."""
    quota.take("b0")
    quota.give_back("b0")

    assert quota.members() == set()
    assert quota.take("b1")


def test_b2_an_existing_environment_is_counted_even_if_the_quota_is_full(quota: Quota) -> None:
    for number in range(LIMIT):
        quota.take(f"b{number}")

    quota.count_in("made by hand")

    assert len(quota.members()) == LIMIT + 1
    quota.give_back("b0")
    assert not quota.take("late")
