"""Batching: which requests share a call, in which order, and what callers get on errors."""

import asyncio

import pytest

from app_service.ledger.domain import DatabaseUnavailable, Overloaded
from app_service.ledger.verdict import Verdict
from app_service.posting.batching import Batcher
from tests.app_service.build import soon, submitted, transaction
from tests.app_service.posting.fake_calls import FakeCalls, asked, settle
from tests.patience import PATIENCE_SECONDS


async def test_a_single_request_is_sent_at_once() -> None:
    calls = FakeCalls()
    request = asked(Batcher(calls, max_in_flight=1), 1)
    await calls.let_return(0)
    assert await request == ["posted"]
    assert calls.amounts == [[1]]


async def test_requests_that_arrive_during_a_call_share_the_next_one() -> None:
    calls = FakeCalls()
    batcher = Batcher(calls, max_in_flight=1)
    requests = [asked(batcher, 1)]
    await settle()
    requests += [asked(batcher, 2), asked(batcher, 3, 4), asked(batcher, 5)]
    await calls.let_return(0)
    await calls.let_return(1)
    assert calls.amounts == [[1], [2, 3, 4, 5]]
    assert await asyncio.gather(*requests) == [
        ["posted"], ["replayed"], ["posted", "replayed"], ["posted"],
    ]  # fmt: skip


async def test_at_most_max_in_flight_calls_run_at_a_time() -> None:
    calls = FakeCalls()
    batcher = Batcher(calls, max_in_flight=2)
    requests = []
    for amount in (1, 2, 3):
        requests.append(asked(batcher, amount))
        await settle()
    assert calls.amounts == [[1], [2]]
    await calls.let_return(1)
    assert calls.amounts == [[1], [2], [3]]
    await calls.let_return(0)
    await calls.let_return(2)
    assert await asyncio.gather(*requests) == [["posted"], ["replayed"], ["posted"]]


async def test_a_request_is_never_split_and_a_call_never_above_its_maximum() -> None:
    calls = FakeCalls()
    batcher = Batcher(calls, max_in_flight=1, call_max=4)
    sizes = [(1,), (2, 3, 4), (5, 6), (7,), (8, 9), (10,)]
    requests = [asked(batcher, *amounts) for amounts in sizes]
    for call in range(3):
        await calls.let_return(call)
    assert calls.amounts == [[1, 2, 3, 4], [5, 6, 7], [8, 9, 10]]
    await asyncio.gather(*requests)


async def test_above_the_bound_requests_are_refused_and_afterwards_served_again() -> None:
    calls = FakeCalls()
    batcher = Batcher(calls, max_in_flight=1, waiting_max=3)
    running = asked(batcher, 1)
    await settle()
    waiting = asked(batcher, 2, 3)
    await settle()
    with pytest.raises(Overloaded, match=r"^2 transactions are waiting"):
        await batcher.post(submitted(transaction(), transaction()), deadline=soon())
    fits = asked(batcher, 5)
    await calls.let_return(0)
    await calls.let_return(1)
    again = asked(batcher, 6, 7, 8)
    await calls.let_return(2)
    await asyncio.gather(running, waiting, fits, again)
    assert calls.amounts == [[1], [2, 3, 5], [6, 7, 8]]


async def test_a_request_that_arrives_as_the_last_call_ends_is_served() -> None:
    """The caller of the last answer posts again before any callback of the ended call runs."""
    calls = FakeCalls()
    batcher = Batcher(calls, max_in_flight=1)

    async def twice() -> list[Verdict]:
        await batcher.post(submitted(transaction(amount=1)), deadline=soon())
        return await batcher.post(submitted(transaction(amount=2)), deadline=soon())

    both = asyncio.create_task(twice())
    await calls.let_return(0)
    await calls.let_return(1)
    assert await asyncio.wait_for(both, PATIENCE_SECONDS) == ["replayed"]


async def test_every_caller_of_a_call_gets_its_unavailable_database() -> None:
    calls = FakeCalls()
    calls.failures[3] = DatabaseUnavailable()
    batcher = Batcher(calls, max_in_flight=1)
    requests = [asked(batcher, 1), asked(batcher, 3)]
    await calls.let_return(0)
    assert calls.amounts == [[1, 3]]
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert results == [calls.failures[3]] * 2


async def test_an_error_of_one_request_does_not_fail_the_others() -> None:
    calls = FakeCalls()
    calls.failures[3] = ZeroDivisionError()
    batcher = Batcher(calls, max_in_flight=1)
    requests = [asked(batcher, 1), asked(batcher, 3), asked(batcher, 4)]
    for call in range(4):
        await calls.let_return(call)
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert results == [["posted"], calls.failures[3], ["replayed"]]
    assert calls.amounts == [[1, 3, 4], [1], [3], [4]]


@pytest.mark.parametrize("failing", [False, True])
async def test_a_cancelled_caller_does_not_affect_the_others(failing: bool) -> None:
    calls = FakeCalls()
    if failing:
        calls.failures[1] = DatabaseUnavailable()
    batcher = Batcher(calls, max_in_flight=1)
    gone, stays = asked(batcher, 1), asked(batcher, 3)
    await settle()
    gone.cancel()
    await calls.let_return(0)
    assert calls.amounts == [[1, 3]]
    [result] = await asyncio.gather(stays, return_exceptions=True)
    assert result == (calls.failures[1] if failing else ["posted"])
