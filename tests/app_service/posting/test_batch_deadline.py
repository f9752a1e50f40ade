"""When requests of one call are answered, and when the call's connection is terminated."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from app_service.database.database import Database
from app_service.ledger.domain import AccountBusy, DatabaseUnavailable
from app_service.ledger.submission import Submission
from app_service.ledger.verdict import Verdict
from app_service.posting import ledger as posting_ledger
from app_service.posting.batching import LOCK_WAIT_MS, Batcher
from app_service.posting.ledger import PostgresLedger
from tests.app_service.build import submitted, transaction
from tests.app_service.database.fake_pool import FakePool
from tests.app_service.posting.fake_calls import FakeCalls
from tests.app_service.virtual_time import in_virtual_time, now, sleep_until

CALL_SECONDS = 6.0  # how long the fake database takes for a call


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> FakePool:
    """Its posting function takes CALL_SECONDS."""

    async def post_transactions(
        connection: Any, submissions: Sequence[Submission], *, lock_wait_ms: int
    ) -> list[Verdict]:
        await connection.command(CALL_SECONDS)
        return [Verdict.POSTED for _ in submissions]

    monkeypatch.setattr(posting_ledger, "post_transactions", post_transactions)
    return FakePool()


def ledger_on(pool: FakePool) -> PostgresLedger:
    database = Database(pool.pool)
    return PostgresLedger(
        writing=database,
        reading=database,
        max_in_flight=1,
        on_posted=lambda: None,
        on_answered=lambda _verdicts, _seconds: None,
    )


def sent(ledger: PostgresLedger, debit: int, *, deadline: float) -> "asyncio.Task[list[Verdict]]":
    batch = submitted(transaction(debit, debit + 1))
    return asyncio.create_task(ledger.post(batch, deadline=deadline))


async def answered_at(request: "asyncio.Task[list[Verdict]]") -> tuple[float, Any]:
    [answer] = await asyncio.gather(request, return_exceptions=True)
    return now(), answer if isinstance(answer, list) else type(answer)


@in_virtual_time
async def test_the_last_deadline_of_a_call_ends_its_connection(pool: FakePool) -> None:
    """Those before it are answered at theirs, and leave the call to the others."""
    ledger = ledger_on(pool)
    requests = [sent(ledger, 1, deadline=3), sent(ledger, 11, deadline=5)]
    answers = await asyncio.gather(*map(answered_at, requests))
    assert answers == [(3, DatabaseUnavailable), (5, DatabaseUnavailable)]
    assert pool.done == [("acquire", 1, 0), ("terminate", 1, 5), ("release", 1, 5)]


@in_virtual_time
async def test_a_request_in_time_has_its_result_from_the_call_of_one_that_is_late(
    pool: FakePool,
) -> None:
    ledger = ledger_on(pool)
    requests = [sent(ledger, 1, deadline=3), sent(ledger, 11, deadline=CALL_SECONDS + 1)]
    answers = await asyncio.gather(*map(answered_at, requests))
    assert answers == [(3, DatabaseUnavailable), (CALL_SECONDS, ["posted"])]
    await sleep_until(20)
    assert pool.when("terminate") == []


@in_virtual_time
async def test_a_cancelled_caller_leaves_the_connection_to_its_call(pool: FakePool) -> None:
    """Others share the call, and what it writes is whole."""
    ledger = ledger_on(pool)
    gone, stays = sent(ledger, 1, deadline=8), sent(ledger, 11, deadline=8)
    await sleep_until(1)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert now() == 1
    assert await answered_at(stays) == (CALL_SECONDS, ["posted"])
    assert pool.when("terminate") == []


@in_virtual_time
async def test_a_request_that_waits_for_a_call_is_answered_at_its_deadline(pool: FakePool) -> None:
    ledger = ledger_on(pool)
    running = sent(ledger, 1, deadline=20)
    await sleep_until(1)
    assert await answered_at(sent(ledger, 11, deadline=4)) == (4, DatabaseUnavailable)
    assert await answered_at(running) == (CALL_SECONDS, ["posted"])
    await sleep_until(40)
    assert len(pool.when("acquire")) == 1, "what is answered is not posted later"


@in_virtual_time
async def test_a_request_of_a_held_account_is_answered_at_its_deadline() -> None:
    calls = FakeCalls()
    calls.locked = {1}
    batcher = Batcher(calls, max_in_flight=1)
    held = asyncio.create_task(batcher.post(submitted(transaction(1, 2)), deadline=4))
    await calls.let_return(0)
    assert await answered_at(held) == (4, AccountBusy)


@pytest.mark.parametrize(("deadline", "expected"), [(8.0, LOCK_WAIT_MS), (0.25, 250), (0.0001, 1)])
def test_a_wait_for_a_lock_is_cut_to_the_rest_of_the_time(
    monkeypatch: pytest.MonkeyPatch, deadline: float, expected: int
) -> None:
    """And is never 0, which PostgreSQL takes as: without a limit."""
    waits: list[int] = []

    async def post_transactions(
        connection: Any, submissions: Sequence[Submission], *, lock_wait_ms: int
    ) -> list[Verdict]:
        waits.append(lock_wait_ms)
        return [Verdict.POSTED for _ in submissions]

    monkeypatch.setattr(posting_ledger, "post_transactions", post_transactions)

    @in_virtual_time
    async def post() -> None:
        await sent(ledger_on(FakePool()), 1, deadline=deadline)

    post()
    assert waits == [expected]
