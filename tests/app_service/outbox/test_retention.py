"""What was sent is kept longer than any backup, and then forgotten week by week."""

import asyncio
import logging
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from app_service.database.database import Database, Pool
from app_service.outbox import outbox
from app_service.outbox.retention import Retention
from tests.patience import PATIENCE_SECONDS

BACKUP_DAYS = 35


@pytest_asyncio.fixture
async def connection(ledger_pool: Pool) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
    async with ledger_pool.acquire() as connection:
        yield connection


async def record(connection: asyncpg.pool.PoolConnectionProxy, *, days_ago: float) -> None:
    await connection.execute(
        "INSERT INTO ledger.sent_batches SELECT ledger.sent_slot(moment), gen_random_uuid(), '{}',"
        " moment, moment, moment FROM (SELECT now() - make_interval(hours => $1) AS moment) m",
        round(24 * days_ago),
    )


async def ages(connection: asyncpg.pool.PoolConnectionProxy) -> list[int]:
    rows = await connection.fetch(
        "SELECT extract(epoch FROM now() - sent_at) / 86400 FROM ledger.sent_batches ORDER BY 1"
    )
    return [round(row[0]) for row in rows]


async def test_what_is_older_than_the_ring_goes_and_what_a_backup_may_ask_for_stays(
    connection: asyncpg.pool.PoolConnectionProxy,
) -> None:
    """On each day of a week."""
    for days in range(1, BACKUP_DAYS + 22):
        await record(connection, days_ago=days)
    assert await outbox.empty_old_batches(connection)
    kept = await ages(connection)
    assert {*range(1, BACKUP_DAYS + 1)} <= {*kept}
    assert kept[-1] <= BACKUP_DAYS + 21
    assert len(kept) < BACKUP_DAYS + 21
    assert not await outbox.empty_old_batches(connection)


async def test_after_weeks_without_a_task_nothing_young_goes(
    connection: asyncpg.pool.PoolConnectionProxy,
) -> None:
    """Old batches and those of today are in one week of the ring."""
    await record(connection, days_ago=56)
    await record(connection, days_ago=0)
    await outbox.empty_old_batches(connection)
    assert await ages(connection) == [0, 56]


async def test_a_clock_that_has_jumped_deletes_nothing(
    connection: asyncpg.pool.PoolConnectionProxy,
) -> None:
    """What was sent while it was a week ahead is in the week that is emptied now."""
    await record(connection, days_ago=-7)
    await record(connection, days_ago=49)
    assert not await outbox.empty_old_batches(connection)
    assert len(await ages(connection)) == 2


async def test_a_reader_is_not_disturbed_and_the_next_call_empties(
    connection: asyncpg.pool.PoolConnectionProxy, ledger_pool: Pool
) -> None:
    await record(connection, days_ago=49)
    async with ledger_pool.acquire() as reader, reader.transaction():
        assert await ages(reader) == [49]
        assert not await outbox.empty_old_batches(connection)
        assert await ages(reader) == [49]
    assert await outbox.empty_old_batches(connection)
    assert await ages(connection) == []


async def test_the_loop_empties_logs_failures_and_stops(
    connection: asyncpg.pool.PoolConnectionProxy,
    ledger_pool: Pool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await record(connection, days_ago=49)
    retention = Retention(database=Database(ledger_pool), pause_seconds=0.01)
    with monkeypatch.context() as broken:
        broken.setattr(outbox, "_EMPTY_SQL", "SELECT 1 / 0")
        running = asyncio.create_task(retention.run())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not caplog.records:  # noqa: ASYNC110 - what is awaited is a line of a log
                await asyncio.sleep(0.005)
    assert (caplog.records[0].levelno, caplog.records[0].getMessage()) == (
        logging.ERROR,
        "old batches not emptied",
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await ages(connection):  # noqa: ASYNC110 - what is awaited are rows
            await asyncio.sleep(0.005)
    retention.stop()
    await asyncio.wait_for(running, PATIENCE_SECONDS)
