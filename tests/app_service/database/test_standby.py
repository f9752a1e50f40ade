"""Without its synchronous standby, the database makes callers wait.

A commit waits for the standby; until then no other session sees it. If the wait is cancelled, the
commit is visible, but only on this server, and a failover would lose it.
"""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from app_service.database.database import Database, NoWriterError, Pool, close_pool, open_pool
from app_service.ledger.domain import DatabaseUnavailable
from app_service.ledger.transaction import Transaction
from app_service.ledger.verdict import Verdict
from local_cloud.postgres import PostgresServer
from tests.app_service.build import open_accounts, post, post_on, transaction
from tests.app_service.conftest import LedgerDatabase
from tests.app_service.posting.model import outbox_ids
from tests.patience import PATIENCE_SECONDS

if TYPE_CHECKING:
    Session = asyncpg.Connection[asyncpg.Record]

# Sessions that have committed here and wait for the standby.
_WAITING = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


async def test_s32_a_replay_is_answered_only_when_the_first_is_on_the_standby(
    ledger_pool: Pool, postgres_server: PostgresServer
) -> None:
    """S32: `replayed` must not be answered for a commit that only this server has."""
    await open_accounts(ledger_pool, 1, 2)
    async with _standby_is_away(postgres_server) as admin:
        new, first = await _post_until_one_waits(ledger_pool, admin)
        await admin.execute(f"SELECT pg_cancel_backend(pid) {_WAITING}")
        assert await first == ["posted"]  # with a warning that only this server has it
        replay = asyncio.create_task(post(ledger_pool, new))
        await _until(lambda: _waiting(admin, 1))
        assert not replay.done()
    assert await replay == ["replayed"]


async def test_s32_a_call_that_timed_out_waiting_for_the_standby_stays_invisible(
    ledger_pool: Pool,
    ledger_database: LedgerDatabase,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S23, S32: its connection is closed and the call is not cancelled. Otherwise the relay would
    send a transaction that a failover can lose, and that is then posted again in another batch.
    """
    await open_accounts(ledger_pool, 1, 2, 3, 4, negative=(1, 3))
    lost = transaction(3, 4)
    async with _standby_is_away(postgres_server) as admin, _own_pool(ledger_database) as pool:
        _, first = await _post_until_one_waits(ledger_pool, admin)
        await _time_out_when_two_wait(pool, lost, admin)
        assert lost.transaction_id not in await outbox_ids(ledger_pool)
    assert await first == ["posted"]
    assert await post(ledger_pool, lost) == ["replayed"]


async def _post_until_one_waits(
    pool: Pool, admin: "Session"
) -> tuple[Transaction, asyncio.Task[list[Verdict]]]:
    """The first ones may succeed: the server needs a moment to apply the setting."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            new = transaction()
            call = asyncio.create_task(post(pool, new))
            while not call.done():
                if await _waiting(admin, 1):
                    return new, call
                await asyncio.sleep(0.005)


async def _time_out_when_two_wait(pool: Pool, new: Transaction, admin: "Session") -> None:
    """With more time after each call that had not come to the standby when its time was over."""
    seconds = 0.3
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await _waiting(admin, 2):
            with pytest.raises(DatabaseUnavailable):
                await Database(pool).run(
                    lambda c: post_on(c, new),
                    deadline=asyncio.get_running_loop().time() + seconds,
                )
            seconds *= 2


async def _waiting(admin: "Session", sessions: int) -> bool:
    return bool(sessions == await admin.fetchval(f"SELECT count(*) {_WAITING}"))


@asynccontextmanager
async def _standby_is_away(server: PostgresServer) -> AsyncIterator["Session"]:
    """Commits within the block wait for a standby that does not exist; its end releases them."""
    admin = await asyncpg.connect(server.dsn)
    try:
        await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        await admin.execute("SELECT pg_reload_conf()")
        yield admin
    finally:
        await admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await admin.execute("SELECT pg_reload_conf()")
        await _until(lambda: _waiting(admin, 0))
        await admin.close()


async def test_s65_only_a_host_that_may_write_is_connected_to(
    ledger_database: LedgerDatabase, postgres_server: PostgresServer
) -> None:
    with _standby_of(postgres_server) as standby:
        reader = replace(ledger_database, port=standby.port, name="postgres")
        async with _own_pool(reader) as pool:
            with pytest.raises(NoWriterError, match="TargetServerAttributeNotMatched"):
                await pool.fetchval("SELECT 1")


@contextmanager
def _standby_of(writer: PostgresServer) -> Iterator[PostgresServer]:
    """It waits for the writer's log, and answers to readers."""
    folder = Path(tempfile.mkdtemp(prefix="test-postgres-standby-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    standby = PostgresServer(
        data_dir=folder / "data",
        address="127.0.0.1",
        port=port,
        password="test",
        settings={"fsync": "off", "log_min_messages": "fatal"},
    )
    standby.initialize()
    standby.follow(writer)
    standby.start()
    yield standby
    standby.stop()
    shutil.rmtree(folder)


@asynccontextmanager
async def _own_pool(database: LedgerDatabase, *, port: int | None = None) -> AsyncIterator[Pool]:
    """A pool as the service opens it."""
    pool = await open_pool(
        hosts=(database.host,),
        port=database.port,
        database=database.name,
        user=database.user,
        password=database.password,
        tls=None,
        size=1,
    )
    yield pool
    await close_pool(pool)


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - what is awaited is in the database
            await asyncio.sleep(0.005)
