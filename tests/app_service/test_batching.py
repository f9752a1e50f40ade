"""Batch while busy: what travels together, in what order, and who hears what when it fails."""

import asyncio
from collections.abc import Sequence

import pytest

from app_service.ledger.domain import DatabaseUnavailable, Overloaded, Verdict
from app_service.ledger.posting import Batcher
from app_service.ledger.transaction import Transaction
from tests.app_service.build import transaction


class Calls:
    """A database whose calls the test lets return, one by one."""

    def __init__(self) -> None:
        self.made: list[list[Transaction]] = []
        self.failures: dict[int, Exception] = {}  # by the amount of a transaction in the call
        self._gates: list[asyncio.Event] = []

    async def post(self, transactions: Sequence[Transaction]) -> list[Verdict]:
        self.made.append(list(transactions))
        gate = asyncio.Event()
        self._gates.append(gate)
        await gate.wait()
        for t in transactions:
            if t.amount_minor in self.failures:
                raise self.failures[t.amount_minor]
        return [Verdict.POSTED if t.amount_minor % 2 else Verdict.REPLAYED for t in transactions]

    async def let_return(self, call: int) -> None:
        await settle()
        self._gates[call].set()
        await settle()

    @property
    def amounts(self) -> list[list[int]]:
        return [[t.amount_minor for t in call] for call in self.made]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def asked(batcher: Batcher, *amounts: int) -> "asyncio.Task[list[Verdict]]":
    return asyncio.create_task(batcher.post([transaction(amount=amount) for amount in amounts]))


async def test_a_lone_request_travels_at_once_and_alone() -> None:
    calls = Calls()
    request = asked(Batcher(calls.post, max_in_flight=1), 1)
    await calls.let_return(0)
    assert await request == ["posted"]
    assert calls.amounts == [[1]]


async def test_what_arrives_while_a_call_runs_goes_together_in_the_next() -> None:
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


async def test_as_many_calls_run_as_there_are_lanes() -> None:
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
        await batcher.post([transaction(), transaction()])
    fits = asked(batcher, 5)
    await calls.let_return(0)
    await calls.let_return(1)
    again = asked(batcher, 6, 7, 8)
    await calls.let_return(2)
    await asyncio.gather(running, waiting, fits, again)
    assert calls.amounts == [[1], [2, 3, 5], [6, 7, 8]]


async def test_a_request_that_comes_as_a_lane_ends_is_not_forgotten() -> None:
    """The caller of the last answer asks again before any callback of the ended lane runs."""
    calls = Calls()
    batcher = Batcher(calls.post, max_in_flight=1)

    async def twice() -> list[Verdict]:
        await batcher.post([transaction(amount=1)])
        return await batcher.post([transaction(amount=2)])

    both = asyncio.create_task(twice())
    await calls.let_return(0)
    await calls.let_return(1)
    assert await asyncio.wait_for(both, 1) == ["replayed"]


async def test_an_unavailable_database_is_told_to_every_caller_of_the_call() -> None:
    calls = Calls()
    calls.failures[3] = DatabaseUnavailable()
    batcher = Batcher(calls.post, max_in_flight=1)
    requests = [asked(batcher, 1), asked(batcher, 3)]
    await calls.let_return(0)
    assert calls.amounts == [[1, 3]]
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert results == [calls.failures[3]] * 2


async def test_what_one_request_cannot_survive_does_not_fail_its_neighbours() -> None:
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
async def test_a_caller_that_has_gone_disturbs_nobody(failing: bool) -> None:
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
