"""How much a call takes and when the next one starts: database and service work side by side."""

import asyncio

from app_service.ledger.verdict import Verdict
from app_service.posting.batching import Batcher
from app_service.posting.call_shares import PATIENCE_SECONDS, UNCUT_MAX
from tests.app_service.posting.fake_calls import FakeCalls, asked, settle
from tests.app_service.virtual_time import in_virtual_time, now, sleep_until

CONNECTIONS = 64


def sizes(calls: FakeCalls) -> list[int]:
    return [len(call) for call in calls.made]


async def several(batcher: Batcher, first: int, count: int) -> list["asyncio.Task[list[Verdict]]"]:
    """Requests of one transaction each, which arrive together."""
    requests = [asked(batcher, amount) for amount in range(first, first + count)]
    await settle()
    return requests


async def test_two_equal_shares_take_turns_whatever_the_first_calls_were() -> None:
    """Each client sends its next request when it has its answer."""
    calls = FakeCalls()
    batcher = Batcher(calls, max_in_flight=1)
    amounts = iter(range(1, 10_000))

    async def client() -> None:
        for _ in range(20):
            await asked(batcher, next(amounts))

    early = [asyncio.create_task(client()) for _ in range(7)]
    await settle()
    late = [asyncio.create_task(client()) for _ in range(CONNECTIONS - 7)]
    for call in range(20):
        await calls.let_return(call)
    assert sizes(calls)[0] == 7
    assert sizes(calls)[4:20] == [CONNECTIONS // 2] * 16

    await calls.let_all_return(*early, *late)  # type: ignore[arg-type]


async def test_a_few_requests_share_one_call() -> None:
    calls = FakeCalls()
    batcher = Batcher(calls, max_in_flight=1)
    first = await several(batcher, 1, 1)
    others = await several(batcher, 2, UNCUT_MAX)
    await calls.let_return(0)
    assert sizes(calls) == [1, UNCUT_MAX]
    await calls.let_all_return(*first, *others)


@in_virtual_time
async def test_a_call_starts_beside_another_one_when_as_many_wait_as_that_one_has() -> None:
    calls = FakeCalls()
    batcher = Batcher(calls, max_in_flight=3)
    requests = await several(batcher, 1, 3)
    requests += await several(batcher, 4, 2)
    assert sizes(calls) == [3]
    requests += await several(batcher, 6, 1)
    assert sizes(calls) == [3, 3]
    requests += await several(batcher, 7, 3)
    assert sizes(calls) == [3, 3, 3]
    assert now() == 0
    await calls.let_all_return(*requests)


@in_virtual_time
async def test_a_request_does_not_wait_beside_one_of_many_transactions() -> None:
    calls = FakeCalls()
    batcher = Batcher(calls, max_in_flight=2)
    batch = asked(batcher, *range(1, 301))
    await settle()
    single = await several(batcher, 301, 1)
    assert sizes(calls) == [300, 1]
    assert now() == 0
    await calls.let_all_return(batch, *single)


async def test_what_arrives_together_is_shared_by_two_calls() -> None:
    calls = FakeCalls()
    requests = await several(Batcher(calls, max_in_flight=2), 1, 40)
    assert sizes(calls) == [20, 20]
    await calls.let_all_return(*requests)


@in_virtual_time
async def test_calls_that_last_long_hold_nobody_back() -> None:
    """For example, they wait for locks of another session."""
    calls = FakeCalls()
    batcher = Batcher(calls, max_in_flight=3)
    requests = await several(batcher, 1, 9)
    requests += await several(batcher, 10, 1)
    await sleep_until(PATIENCE_SECONDS / 2)
    assert sizes(calls) == [9]
    await sleep_until(PATIENCE_SECONDS)
    await settle()
    assert sizes(calls) == [9, 1]

    requests += await several(batcher, 11, 4)  # not as many as the 5 that a running call has
    assert sizes(calls) == [9, 1]
    await sleep_until(2 * PATIENCE_SECONDS)
    await settle()
    assert sizes(calls) == [9, 1, 4]
    await calls.let_all_return(*requests)


@in_virtual_time
async def test_requests_that_come_later_wait_no_longer_than_the_first() -> None:
    """They neither put off the time of those before them nor wait for one of their own."""
    calls = FakeCalls()
    batcher = Batcher(calls, max_in_flight=2)
    requests = await several(batcher, 1, 9)
    requests += await several(batcher, 10, 1)
    for part, amount in ((0.3, 11), (0.6, 12), (0.9, 13)):
        await sleep_until(part * PATIENCE_SECONDS)
        requests += await several(batcher, amount, 1)
    assert sizes(calls) == [9]
    await sleep_until(PATIENCE_SECONDS)
    await settle()
    assert sizes(calls) == [9, 4]
    await calls.let_all_return(*requests)
