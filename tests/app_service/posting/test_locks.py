"""The purpose of the row locks of `ledger.post_transactions`.

The sums do not need them: without locks, a lost update violates the key of `ledger.entries`, and
the call fails and is repeated. With locks, calls wait for each other instead of failing under load,
in one order so that they cannot deadlock. They also make a replay as durable as the first posting
(test_standby.py).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from app_service.database.database import Connection, Pool
from tests.app_service.build import balance, open_accounts, post, post_on, transaction
from tests.app_service.posting.model import assert_sound
from tests.patience import PATIENCE_SECONDS


async def test_calls_that_share_an_account_wait_and_do_not_fail(ledger_pool: Pool) -> None:
    """S32: a call need not be repeated because another one uses the same account."""
    await open_accounts(ledger_pool, 1, 2, 3)
    async with ledger_pool.acquire() as watcher, _transaction(ledger_pool) as first:
        await post_on(first, transaction(1, 2, 10))
        others = [
            asyncio.create_task(post(ledger_pool, transaction(1, 2, 5))),
            asyncio.create_task(post(ledger_pool, transaction(2, 3, 10))),  # the first's money
        ]
        await _until(lambda: _waiting(watcher, 2))
    assert await asyncio.gather(*others) == [["posted"], ["posted"]]
    assert await balance(ledger_pool, 2) == 5
    await assert_sound(ledger_pool)


async def test_accounts_are_locked_in_the_order_of_their_numbers(ledger_pool: Pool) -> None:
    """S32: two calls that share accounts meet at the lowest one, where one of them waits: they
    cannot wait for each other in a circle."""
    await open_accounts(ledger_pool, *range(1, 41), negative=range(1, 41))
    there_and_back = [transaction(n, n + 1) for n in range(39, 2, -4)]
    there_and_back += [transaction(40, 1), transaction(2, 40)]
    used = {n for t in there_and_back for n in (t.debit_account, t.credit_account) if n}
    async with ledger_pool.acquire() as watcher, _transaction(ledger_pool) as holder:
        await holder.execute(f"{_ROW} FOR UPDATE", 20)
        call = asyncio.create_task(post(ledger_pool, *there_and_back, transaction(1, 20)))
        await _until(lambda: _waiting(watcher, 1))
        locked = {n for n in used if await _is_locked(watcher, n)}
        assert locked == {n for n in used if n <= 20}
    assert set(await call) == {"posted"}


_ROW = "SELECT account_id FROM ledger.accounts WHERE account_id = $1"
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


async def _waiting(session: Connection, sessions: int) -> bool:
    return bool(sessions == await session.fetchval(_WAITING))


async def _is_locked(session: Connection, account_id: int) -> bool:
    return await session.fetchval(f"{_ROW} FOR UPDATE SKIP LOCKED", account_id) is None


@asynccontextmanager
async def _transaction(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as session, session.transaction():
        yield session


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - what is awaited is in the database
            await asyncio.sleep(0.005)
