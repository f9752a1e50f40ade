"""S32: the ledger on PostgreSQL while another session keeps one account locked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from app_service.database.database import Database, Pool
from app_service.ledger.domain import AccountBusy
from app_service.ledger.transaction import Transaction
from app_service.ledger.verdict import Verdict
from app_service.posting.account_locks import LockNotGranted, held_accounts, wait_for_account
from app_service.posting.ledger import PostgresLedger
from app_service.posting.posting import post_transactions
from tests.app_service.build import balance, open_accounts, soon, submitted, transaction
from tests.app_service.conftest import LedgerDatabase
from tests.app_service.posting.model import assert_sound
from tests.patience import PATIENCE_SECONDS

LOCKED = 7
OTHERS = range(101, 141)
_WAITS = """
SELECT EXISTS (SELECT FROM pg_stat_activity
                WHERE wait_event_type = 'Lock' AND query LIKE '%wait_for_account%')
"""


@pytest_asyncio.fixture
async def ledger(
    ledger_database: LedgerDatabase, ledger_pool: Pool
) -> AsyncIterator[PostgresLedger]:
    """With the role and the connections of the deployed service."""

    async def as_service(connection: Any) -> None:
        await connection.execute("SET ROLE ledger_service")

    await open_accounts(ledger_pool, 1, LOCKED, *OTHERS, negative=(1, LOCKED, *OTHERS))
    async with asyncpg.create_pool(
        ledger_database.dsn, min_size=0, max_size=5, setup=as_service
    ) as pool:
        database = Database(pool)
        yield PostgresLedger(
            writing=database,
            reading=database,
            max_in_flight=4,
            on_posted=lambda: None,
            on_answered=lambda _verdicts, _seconds: None,
        )


@asynccontextmanager
async def locking(pool: Pool, *account_ids: int) -> AsyncIterator[None]:
    """Another session keeps the accounts locked and changes nothing."""
    async with pool.acquire() as session:
        change = session.transaction()
        await change.start()
        try:
            await session.fetch(
                "SELECT FROM ledger.accounts WHERE account_id = ANY ($1) FOR UPDATE", account_ids
            )
            yield
        finally:
            await change.rollback()


Posting = asyncio.Task[list[Verdict]]


def sent(ledger: PostgresLedger, new: Transaction, deadline: float) -> Posting:
    return asyncio.create_task(ledger.post(submitted(new), deadline=deadline))


async def test_the_others_are_answered_while_one_account_is_locked(
    ledger: PostgresLedger, ledger_pool: Pool
) -> None:
    """And the requests of the locked account are posted when it is free, in their order."""
    amounts = range(1, 201)
    async with locking(ledger_pool, LOCKED):
        locked = [sent(ledger, transaction(LOCKED, 1, amount), soon()) for amount in amounts]
        others = [
            sent(ledger, transaction(OTHERS[n % 40], OTHERS[(n + 1) % 40], 5), soon())
            for n in range(200)
        ]
        assert await asyncio.gather(*others) == [["posted"]] * 200
        assert not any(request.done() for request in locked)
    assert await asyncio.gather(*locked) == [["posted"]] * 200
    entries = await ledger_pool.fetch(
        "SELECT -amount_minor FROM ledger.entries WHERE account_id = $1 ORDER BY account_version",
        LOCKED,
    )
    assert [row[0] for row in entries] == list(amounts)
    await assert_sound(ledger_pool)


async def test_requests_of_a_locked_account_are_answered_by_their_deadline(
    ledger: PostgresLedger, ledger_pool: Pool
) -> None:
    """With an error after which they may be sent again: nothing is doubled, nothing is lost."""
    transactions = [transaction(LOCKED, 1) for _ in range(50)]
    deadline = asyncio.get_running_loop().time() + 1.5
    async with locking(ledger_pool, LOCKED):
        requests = [sent(ledger, new, deadline) for new in transactions]
        answers = await asyncio.gather(*requests, return_exceptions=True)
        assert {type(answer) for answer in answers} == {AccountBusy}
    assert set(await ledger.post(submitted(*transactions), deadline=soon())) <= {
        "posted",
        "replayed",
    }
    assert await balance(ledger_pool, LOCKED) == -10 * len(transactions)
    await assert_sound(ledger_pool)


async def test_an_account_that_is_free_is_posted_while_others_stay_locked(
    ledger: PostgresLedger, ledger_pool: Pool
) -> None:
    held = OTHERS[:20]
    async with locking(ledger_pool, *held):
        async with locking(ledger_pool, LOCKED):
            waiting = [sent(ledger, transaction(n, 1), soon()) for n in (*held, LOCKED)]
            assert await ledger.post(
                submitted(transaction(OTHERS[30], OTHERS[31])), deadline=soon()
            )
        assert await waiting[-1] == ["posted"]
        assert not any(request.done() for request in waiting[:-1])
    assert await asyncio.gather(*waiting) == [["posted"]] * len(waiting)


async def test_waiting_for_a_locked_account_locks_no_other(
    ledger: PostgresLedger, ledger_pool: Pool
) -> None:
    """Otherwise each request of a locked account would lock its other account as well."""
    async with ledger_pool.acquire() as watcher, locking(ledger_pool, LOCKED):
        request = sent(ledger, transaction(LOCKED, 1), soon())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await watcher.fetchval(_WAITS):  # noqa: ASYNC110 - it is in the database
                await asyncio.sleep(0.01)
        assert await held_accounts(watcher, [1, LOCKED]) == {LOCKED}
    assert await request == ["posted"]


async def test_held_accounts_are_those_that_another_session_has_locked(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    async with ledger_pool.acquire() as session:
        async with locking(ledger_pool, 1, 3):
            assert await held_accounts(session, [1, 2, 3, 4]) == {1, 3}
        assert await held_accounts(session, [1, 2, 3, 4]) == frozenset()


async def test_a_lock_that_is_not_granted_in_time_is_an_error_and_nothing_is_written(
    ledger_pool: Pool,
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    async with ledger_pool.acquire() as session:
        async with locking(ledger_pool, 2):
            with pytest.raises(LockNotGranted):
                await post_transactions(session, submitted(transaction(1, 2)), lock_wait_ms=20)
            with pytest.raises(LockNotGranted):
                await wait_for_account(session, 2, lock_wait_ms=20)
        assert await session.fetchval("SHOW lock_timeout") == "0"
        await wait_for_account(session, 2, lock_wait_ms=20)
    assert await balance(ledger_pool, 2) == 0
