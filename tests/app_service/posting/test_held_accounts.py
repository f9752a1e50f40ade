"""Batching while another session holds an account: who waits, who does not, and in which order."""

import asyncio
from collections.abc import Iterable
from uuid import UUID

import pytest

from app_service.ledger.domain import AccountBusy, DatabaseUnavailable, Overloaded
from app_service.ledger.submission import Submission
from app_service.posting import batching
from app_service.posting.account_locks import LockNotGranted
from app_service.posting.batching import Batcher
from app_service.posting.waiting import Key
from tests.app_service.build import soon, submitted, transaction
from tests.app_service.posting.fake_calls import OTHER, FakeCalls, asked, settle
from tests.app_service.virtual_time import in_virtual_time


@pytest.fixture
def calls() -> FakeCalls:
    return FakeCalls()


@pytest.fixture
def batcher(calls: FakeCalls) -> Batcher:
    return Batcher(calls, max_in_flight=4)


async def test_calls_of_one_process_share_no_account(calls: FakeCalls, batcher: Batcher) -> None:
    """They would wait for each other in the database, and could post in another order."""
    requests = [asked(batcher, 1, account=7)]
    await settle()
    requests.append(asked(batcher, 3, account=7))
    requests.append(asked(batcher, 5, account=8))
    await settle()
    assert calls.amounts == [[1], [5]]
    await calls.let_return(0)
    assert calls.amounts == [[1], [5], [3]]
    await calls.let_return(1)
    await calls.let_return(2)
    assert await asyncio.gather(*requests) == [["posted"]] * 3


async def test_a_younger_request_does_not_pass_an_older_one_of_its_account(
    calls: FakeCalls, batcher: Batcher
) -> None:
    requests = [asked(batcher, 1, account=7)]
    await settle()
    both = [transaction(7, 8, 3), transaction(8, 9, 5)]
    requests.append(asyncio.create_task(batcher.post(submitted(*both), deadline=soon())))
    await settle()
    requests.append(asked(batcher, 7, account=9))  # free, but an older request waits for it
    await settle()
    assert calls.amounts == [[1]]
    await calls.let_return(0)
    assert calls.amounts == [[1], [3, 5, 7]]
    await calls.let_return(1)
    await asyncio.gather(*requests)


async def test_only_requests_of_a_held_account_wait(calls: FakeCalls, batcher: Batcher) -> None:
    """S32: one locked account does not stop the others, and its requests keep their order."""
    calls.locked = {7}
    held = [asked(batcher, 1, account=7)]
    others = [asked(batcher, 3)]
    await calls.let_return(0)
    assert calls.amounts == [[1, 3], [3]]
    held += [asked(batcher, 5, account=7), asked(batcher, 7, account=7)]
    others += [asked(batcher, 9)]
    await settle()
    assert calls.amounts == [[1, 3], [3], [9]]
    await calls.let_return(1)
    await calls.let_return(2)
    assert await asyncio.gather(*others) == [["posted"]] * 2
    assert not any(request.done() for request in held)
    calls.unlock(7)
    await settle()
    assert calls.amounts[3:] == [[1, 5, 7]]
    await calls.let_return(3)
    assert await asyncio.gather(*held) == [["posted"]] * 3


async def test_a_waiting_request_does_not_hold_back_its_other_accounts(
    calls: FakeCalls, batcher: Batcher
) -> None:
    calls.locked = {7}
    held = asked(batcher, 1, account=7)
    await calls.let_return(0)
    other = asked(batcher, 3, account=OTHER + 1)  # the credit account of the first
    await settle()
    assert calls.amounts == [[1], [3]]
    await calls.let_return(1)
    assert await other == ["posted"]
    calls.unlock(7)
    await calls.let_return(2)
    assert await held == ["posted"]


@in_virtual_time
async def test_a_request_whose_time_is_over_is_answered_and_not_posted_later(
    calls: FakeCalls, batcher: Batcher
) -> None:
    calls.locked = {7}
    late = asked(batcher, 1, account=7, seconds=0.05)
    stays = asked(batcher, 3, account=7)
    await calls.let_return(0)
    with pytest.raises(AccountBusy):
        await late
    calls.unlock(7)
    await settle()
    assert calls.amounts[1:] == [[3]]
    await calls.let_return(1)
    assert await stays == ["posted"]


async def test_each_request_of_a_call_has_its_own_deadline(
    calls: FakeCalls, batcher: Batcher
) -> None:
    early, late = asked(batcher, 1, seconds=0.05), asked(batcher, 3)
    with pytest.raises(DatabaseUnavailable):
        await early
    await calls.let_return(0)
    assert await late == ["posted"]


async def test_a_call_ends_with_the_last_deadline_of_its_requests(calls: FakeCalls) -> None:
    """A request with little time left does not end the call of the others."""
    batcher = Batcher(calls, max_in_flight=1)
    clock = asyncio.get_running_loop().time
    first = asked(batcher, 1)
    await settle()
    both = [asked(batcher, 3, seconds=100), asked(batcher, 5, seconds=300)]
    await calls.let_return(0)
    assert calls.deadlines[1] > clock() + 200
    await calls.let_return(1)
    assert await asyncio.gather(first, *both) == [["posted"]] * 3


async def test_a_request_that_is_answered_while_its_call_waits_is_not_called_again(
    calls: FakeCalls, batcher: Batcher
) -> None:
    calls.locked = {7}
    late = asked(batcher, 1, account=7, seconds=0.05)
    with pytest.raises(DatabaseUnavailable):
        await late
    await calls.let_return(0)
    calls.unlock(7)
    await settle()
    assert calls.amounts == [[1]]


async def test_requests_of_a_held_account_are_called_before_younger_ones(
    calls: FakeCalls, batcher: Batcher
) -> None:
    calls.locked = {7}
    older = [asked(batcher, 1, account=7), asked(batcher, 3, account=7)]
    await settle()
    younger = asked(batcher, 5, account=7)
    await calls.let_return(0)
    calls.unlock(7)
    await settle()
    assert [amount for call in calls.amounts[1:] for amount in call] == [1, 3, 5]
    assert await calls.let_all_return(*older, younger) == [["posted"]] * 3


async def test_a_request_of_two_held_accounts_waits_for_both(
    calls: FakeCalls, batcher: Batcher
) -> None:
    calls.locked = {7, OTHER + 1}
    both = asked(batcher, 1, account=7)
    only = asked(batcher, 3, account=7)
    await calls.let_return(0)
    calls.unlock(7)
    await settle()
    assert [1] not in calls.amounts
    calls.unlock(OTHER + 1)
    assert await calls.let_all_return(both, only) == [["posted"]] * 2


async def test_a_waiting_request_whose_caller_is_gone_is_not_posted(calls: FakeCalls) -> None:
    batcher = Batcher(calls, max_in_flight=1)
    first, gone = asked(batcher, 1), asked(batcher, 3, account=1)
    await settle()
    second = asked(batcher, 5)
    await settle()
    gone.cancel()
    for call in range(2):
        await calls.let_return(call)
    await asyncio.gather(first, second)
    assert [3] not in calls.amounts[1:]
    assert calls.amounts[-1] == [5]


async def test_requests_of_a_held_account_do_not_fill_the_queue(calls: FakeCalls) -> None:
    batcher = Batcher(calls, max_in_flight=1, waiting_max=4, held_max=2)
    calls.locked = {7}
    held = [asked(batcher, 1, account=7)]
    await calls.let_return(0)
    held.append(asked(batcher, 3, account=7))
    await settle()
    with pytest.raises(AccountBusy):
        await asked(batcher, 5, account=7)
    others = [asked(batcher, 11), asked(batcher, 13)]
    await settle()
    calls.unlock(7)
    assert await calls.let_all_return(*held, *others) == [["posted"]] * 4


async def test_accounts_wait_in_turn_and_each_is_posted_when_it_is_free(
    calls: FakeCalls, batcher: Batcher
) -> None:
    calls.locked = {7, 8, 9}
    requests = {account: asked(batcher, account * 2 + 1, account=account) for account in (7, 8, 9)}
    await calls.let_return(0)
    calls.unlock(calls.waits[0])
    await settle()
    await calls.let_return(1)
    assert await requests[calls.waits[0]] == ["posted"]
    assert len(calls.made) == 2
    calls.unlock(7, 8, 9)
    await calls.let_all_return(*requests.values())


async def test_a_lock_that_was_held_for_a_moment_only_is_called_again(
    calls: FakeCalls, batcher: Batcher
) -> None:
    calls.locked = {7}
    request = asked(batcher, 1, account=7)
    await settle()
    held = calls.held

    async def released_by_now(account_ids: Iterable[int], *, deadline: float) -> frozenset[int]:
        calls.unlock(7)
        return await held(tuple(account_ids), deadline=deadline)

    calls.held = released_by_now  # type: ignore[method-assign]
    await calls.let_return(0)
    await calls.let_return(1)
    assert await request == ["posted"]
    assert calls.waits == []


async def test_an_error_while_asking_who_holds_an_account_is_answered(
    calls: FakeCalls, batcher: Batcher
) -> None:
    calls.locked = {7}
    error = DatabaseUnavailable()
    calls.held_failures.append(error)
    request = asked(batcher, 1, account=7)
    await calls.let_return(0)
    with pytest.raises(DatabaseUnavailable):
        await request


async def test_an_error_while_waiting_for_an_account_ends_the_waiting(
    calls: FakeCalls, batcher: Batcher
) -> None:
    """The posting call meets the same error and answers with it."""
    calls.locked = {7}
    calls.wait_failures.append(DatabaseUnavailable())
    request = asked(batcher, 1, account=7)
    await calls.let_return(0)
    assert calls.amounts == [[1], [1]]
    calls.unlock(7)
    await calls.let_return(1)
    assert await request == ["posted"]


async def test_a_turn_that_is_not_granted_its_lock_is_followed_by_another(
    calls: FakeCalls, batcher: Batcher
) -> None:
    calls.locked = {7}
    calls.wait_failures.append(LockNotGranted())
    request = asked(batcher, 1, account=7)
    await calls.let_return(0)
    assert calls.waits[:2] == [7, 7]
    calls.unlock(7)
    assert await calls.let_all_return(request) == [["posted"]]


async def test_two_calls_that_meet_held_accounts_share_the_turns(
    calls: FakeCalls, batcher: Batcher
) -> None:
    calls.locked = {7, 8}
    requests = [asked(batcher, 1, account=7)]
    await settle()
    requests.append(asked(batcher, 3, account=8))
    await settle()
    assert calls.amounts == [[1], [3]]
    await calls.let_return(0)
    await calls.let_return(1)
    calls.unlock(7, 8)
    assert await calls.let_all_return(*requests) == [["posted"]] * 2


async def test_a_request_whose_accounts_only_the_database_knows_waits_alone(
    calls: FakeCalls, batcher: Batcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S32: such as the capture of a hold, which names only the hold."""

    def ids_only(submissions: Iterable[Submission]) -> frozenset[Key]:
        return frozenset[int | UUID](each.transaction.transaction_id for each in submissions)

    monkeypatch.setattr(batching, "keys_of", ids_only)
    calls.locked = {7}
    stuck, other = asked(batcher, 1, account=7), asked(batcher, 3)
    assert await calls.let_all_return(other) == [["posted"]]
    assert not stuck.done()
    calls.unlock(7)
    assert await calls.let_all_return(stuck) == [["posted"]]


async def test_what_waits_for_held_accounts_counts_as_waiting(calls: FakeCalls) -> None:
    batcher = Batcher(calls, max_in_flight=1, waiting_max=2)
    calls.locked = {7}
    held = asked(batcher, 1, 3, account=7)
    await calls.let_return(0)
    with pytest.raises(Overloaded):
        await batcher.post(submitted(transaction()), deadline=soon())
    calls.unlock(7)
    await calls.let_return(1)
    assert await held == ["posted", "posted"]


async def test_an_account_whose_lock_is_granted_late_stays_where_it_delays_no_other(
    calls: FakeCalls, batcher: Batcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls.locked = {7}
    requests = [asked(batcher, 1, account=7)]
    await calls.let_return(0)
    monkeypatch.setattr(batching, "LOCK_WAIT_MS", 0)  # every turn is late
    calls.unlock(7)
    await settle()
    requests.append(asked(batcher, 3, account=7))
    await calls.let_all_return(*requests)
    assert calls.waits == [7, 7]
    requests.append(asked(batcher, 5, account=7))
    await calls.let_all_return(*requests)
    assert calls.waits == [7, 7], "when nobody waits for it, it is an account like the others"
