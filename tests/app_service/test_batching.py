"""Batching: which requests share a call, in which order, and what callers get on errors."""

import asyncio
from collections.abc import Sequence

import pytest

from app_service.ledger.domain import DatabaseUnavailable, Overloaded
from app_service.ledger.posting import Batcher
from app_service.ledger.submission import Submission
from app_service.ledger.verdict import Verdict
from tests.app_service.build import submitted, transaction


def _amounts(submissions: Sequence[Submission]) -> list[int]:
    return [each.transaction.amount_minor or 0 for each in submissions]


class Calls:
    """A database whose calls return when the test allows it, one by one."""

    def __init__(self) -> None:
        self.made: list[list[Submission]] = []
        self.failures: dict[int, Exception] = {}  # by the amount of a transaction in the call
        self._gates: list[asyncio.Event] = []

    async def post(self, submissions: Sequence[Submission]) -> list[Verdict]:
        self.made.append(list(submissions))
        gate = asyncio.Event()
        self._gates.append(gate)
        await gate.wait()
        amounts = _amounts(submissions)
        for amount in amounts:
            if amount in self.failures:
                raise self.failures[amount]
        return [Verdict.POSTED if amount % 2 else Verdict.REPLAYED for amount in amounts]

    async def let_return(self, call: int) -> None:
        await settle()
        self._gates[call].set()
        await settle()

    @property
    def amounts(self) -> list[list[int]]:
        return [_amounts(call) for call in self.made]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def asked(batcher: Batcher, *amounts: int) -> "asyncio.Task[list[Verdict]]":
    return asyncio.create_task(
        batcher.post(submitted(*(transaction(amount=amount) for amount in amounts)))
    )


async def test_a_single_request_is_sent_at_once() -> None:
    calls = Calls()
    request = asked(Batcher(calls.post, max_in_flight=1), 1)
    await calls.let_return(0)
    assert await request == ["posted"]
    assert calls.amounts == [[1]]


async def test_requests_that_arrive_during_a_call_share_the_next_one() -> None:
    calls = Calls()
    batcher = Batcher(calls.post, max_in_flight=1)
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
    calls = Calls()
    batcher = Batcher(calls.post, max_in_flight=2)
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
    calls = Calls()
    batcher = Batcher(calls.post, max_in_flight=1, call_max=4)
    requests = [asked(batcher, 1), asked(batcher, 2, 3, 4), asked(batcher, 5, 6), asked(batcher, 7)]
    for call in range(2):
        await calls.let_return(call)
    assert calls.amounts == [[1, 2, 3, 4], [5, 6, 7]]
    await asyncio.gather(*requests)


async def test_above_the_bound_requests_are_refused_and_afterwards_served_again() -> None:
    calls = Calls()
    batcher = Batcher(calls.post, max_in_flight=1, waiting_max=3)
    running = asked(batcher, 1)
    await settle()
    waiting = asked(batcher, 2, 3)
    await settle()
    with pytest.raises(Overloaded, match=r"^2 transactions are waiting"):
        await batcher.post(submitted(transaction(), transaction()))
    fits = asked(batcher, 5)
    await calls.let_return(0)
    await calls.let_return(1)
    again = asked(batcher, 6, 7, 8)
    await calls.let_return(2)
    await asyncio.gather(running, waiting, fits, again)
    assert calls.amounts == [[1], [2, 3, 5], [6, 7, 8]]


async def test_a_request_that_arrives_as_the_last_call_ends_is_served() -> None:
    """The caller of the last answer posts again before any callback of the ended call runs."""
    calls = Calls()
    batcher = Batcher(calls.post, max_in_flight=1)

    async def twice() -> list[Verdict]:
        await batcher.post(submitted(transaction(amount=1)))
        return await batcher.post(submitted(transaction(amount=2)))

    both = asyncio.create_task(twice())
    await calls.let_return(0)
    await calls.let_return(1)
    assert await asyncio.wait_for(both, 1) == ["replayed"]


async def test_every_caller_of_a_call_gets_its_unavailable_database() -> None:
    calls = Calls()
    calls.failures[3] = DatabaseUnavailable()
    batcher = Batcher(calls.post, max_in_flight=1)
    requests = [asked(batcher, 1), asked(batcher, 3)]
    await calls.let_return(0)
    assert calls.amounts == [[1, 3]]
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert results == [calls.failures[3]] * 2


async def test_an_error_of_one_request_does_not_fail_the_others() -> None:
    calls = Calls()
    calls.failures[3] = ZeroDivisionError()
    batcher = Batcher(calls.post, max_in_flight=1)
    requests = [asked(batcher, 1), asked(batcher, 3), asked(batcher, 4)]
    for call in range(4):
        await calls.let_return(call)
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert results == [["posted"], calls.failures[3], ["replayed"]]
    assert calls.amounts == [[1, 3, 4], [1], [3], [4]]


@pytest.mark.parametrize("failing", [False, True])
async def test_a_cancelled_caller_does_not_affect_the_others(failing: bool) -> None:
    calls = Calls()
    if failing:
        calls.failures[1] = DatabaseUnavailable()
    batcher = Batcher(calls.post, max_in_flight=1)
    gone, stays = asked(batcher, 1), asked(batcher, 3)
    await settle()
    gone.cancel()
    await calls.let_return(0)
    assert calls.amounts == [[1, 3]]
    [result] = await asyncio.gather(stays, return_exceptions=True)
    assert result == (calls.failures[1] if failing else ["posted"])
