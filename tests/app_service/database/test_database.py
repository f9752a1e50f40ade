"""Retries over contention, a lost connection and a failover."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from app_service.database.database import (
    Connection,
    Database,
    NoWriterError,
    Pool,
    close_pool,
    connect_writer,
    open_pool,
)
from app_service.ledger.domain import DatabaseUnavailable
from tests.app_service.build import balance, open_accounts, post_on, soon, transaction
from tests.app_service.conftest import LedgerDatabase
from tests.app_service.database.fake_pool import FakePool
from tests.patience import PATIENCE_SECONDS


@asynccontextmanager
async def pool_of(database: LedgerDatabase, *, hosts: tuple[str, ...] = ()) -> AsyncIterator[Pool]:
    pool = await open_pool(
        hosts=hosts or (database.host,),
        port=database.port,
        database=database.name,
        user=database.user,
        password=database.password,
        tls=None,
        size=2,
    )
    yield pool
    await close_pool(pool)


@pytest_asyncio.fixture
async def pool(ledger_database: LedgerDatabase) -> AsyncIterator[Pool]:
    async with pool_of(ledger_database) as pool:
        yield pool


def failing_first(*errors: Exception) -> Callable[[Connection], Any]:
    """Work that raises these, one per attempt, and then returns the number of attempts."""
    left = list(errors)

    async def work(_connection: Connection) -> int:
        if left:
            raise left.pop(0)
        return len(errors) + 1

    return work


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.SerializationError("x"),
        asyncpg.DeadlockDetectedError("x"),
        asyncpg.UniqueViolationError("x"),
        asyncpg.ConnectionDoesNotExistError("x"),
        asyncpg.AdminShutdownError("x"),
        asyncpg.CannotConnectNowError("x"),
        asyncpg.QueryCanceledError("x"),
        asyncpg.TooManyConnectionsError("x"),
        asyncpg.ReadOnlySQLTransactionError("x"),
        asyncpg.InterfaceError("connection is closed"),
        ConnectionResetError(),
        TimeoutError(),
        ssl.SSLError(),
    ],
    ids=lambda e: type(e).__name__,
)
async def test_work_is_repeated_after_transient_errors(
    fake_pool: FakePool, error: Exception
) -> None:
    """S65: after contention, a restart or a failover the work is repeated."""
    assert await Database(fake_pool.pool).run(failing_first(error, error), deadline=soon()) == 3
    assert len(fake_pool.when("acquire")) == len(fake_pool.when("release"))


@pytest.mark.parametrize(
    "error", [asyncpg.UndefinedTableError("x"), asyncpg.ClientConfigurationError("x"), KeyError()]
)
async def test_other_errors_are_raised_at_once(fake_pool: FakePool, error: Exception) -> None:
    with pytest.raises(type(error)):
        await Database(fake_pool.pool).run(failing_first(error), deadline=soon())
    assert len(fake_pool.when("acquire")) == len(fake_pool.when("release"))


async def test_retries_end(fake_pool: FakePool) -> None:
    endless = failing_first(*[TimeoutError()] * 100)
    with pytest.raises(DatabaseUnavailable) as caught:
        await Database(fake_pool.pool).run(
            endless, deadline=asyncio.get_running_loop().time() + 0.1
        )
    assert isinstance(caught.value.__cause__, TimeoutError)


async def test_a_connection_that_failed_is_not_used_again(fake_pool: FakePool) -> None:
    await Database(fake_pool.pool).run(
        failing_first(asyncpg.SerializationError("x"), OSError()), deadline=soon()
    )
    assert [number for what, number, _ in fake_pool.done if what == "terminate"] == [2]


async def test_s32_a_call_whose_connection_breaks_is_repeated_and_posts_once(pool: Pool) -> None:
    """S32: the backend is killed after the commit, before the answer: the repetition replays."""
    await open_accounts(pool, 1, 2)
    new = transaction(amount=7)
    attempts = []

    async def work(connection: Connection) -> Any:
        verdicts = await post_on(connection, new)
        attempts.append(verdicts)
        if len(attempts) == 1:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return verdicts

    assert await Database(pool).run(work, deadline=soon()) == ["replayed"]
    assert attempts == [["posted"], ["replayed"]]
    assert await balance(pool, 2) == 7


async def test_s32_commits_are_synchronous_whatever_the_database_is_set_to(
    own_ledger_database: LedgerDatabase, ledger_pool: Pool
) -> None:
    """S32: without it, a kill of the server lost acknowledged transactions."""
    await ledger_pool.execute(
        f"ALTER DATABASE {own_ledger_database.name} SET synchronous_commit = off"
    )
    async with pool_of(own_ledger_database) as pool:
        assert await pool.fetchval("SHOW synchronous_commit") == "on"


async def set_read_only(pool: Pool, database: LedgerDatabase, state: str) -> None:
    """For new connections; open ones do not change."""
    await pool.execute(
        f"ALTER DATABASE {database.name} SET default_transaction_read_only = {state}"
    )


async def test_a_writer_that_became_a_reader_is_left_for_a_new_connection(
    own_ledger_database: LedgerDatabase, ledger_pool: Pool
) -> None:
    async with pool_of(own_ledger_database) as pool:
        await open_accounts(pool, 1, 2)
    await set_read_only(ledger_pool, own_ledger_database, "on")
    # As on the old writer of a failover: open connections remain and may not write.
    async with asyncpg.create_pool(own_ledger_database.dsn, min_size=1, max_size=1) as stale:
        await set_read_only(ledger_pool, own_ledger_database, "off")
        verdicts = await Database(stale).run(
            lambda c: post_on(c, transaction()),
            deadline=soon(),
        )
    assert verdicts == ["posted"]


async def test_the_reader_endpoint_is_tried_when_the_writer_endpoint_is_dead(
    ledger_database: LedgerDatabase,
) -> None:
    """S65: after a failover the writer's name points to the dead host for a while."""
    async with pool_of(ledger_database, hosts=("127.66.6.6", ledger_database.host)) as pool:
        assert await pool.fetchval("SELECT 1") == 1


async def test_a_host_that_drops_packets_leaves_time_for_the_next(
    ledger_database: LedgerDatabase,
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    allowed_seconds = {}

    async def connect(*, host: str, timeout: float, **options: Any) -> Any:  # noqa: ASYNC109 - asyncpg's
        allowed_seconds[host] = timeout
        may_be_slow = host == ledger_database.host
        return await asyncpg.connect(
            host=host, timeout=PATIENCE_SECONDS if may_be_slow else timeout, **options
        )

    black_hole = await asyncio.start_server(silent, "127.66.6.7", ledger_database.port)
    async with black_hole:
        connection = await connect_writer(
            ("127.66.6.7", ledger_database.host),
            connect=connect,
            timeout_seconds=0.3,
            port=ledger_database.port,
            user=ledger_database.user,
            password=ledger_database.password,
            database=ledger_database.name,
            ssl=False,
        )
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
    assert allowed_seconds == {"127.66.6.7": 0.3, ledger_database.host: 0.3}


async def test_a_refused_password_counts_as_no_writer(ledger_database: LedgerDatabase) -> None:
    with pytest.raises(NoWriterError, match=r"127\.0\.0\.1: InvalidPasswordError"):
        await connect_writer(
            (ledger_database.host,),
            connect=asyncpg.connect,
            port=ledger_database.port,
            user=ledger_database.user,
            password="wrong",
            ssl=False,
        )


async def test_a_pool_opens_while_there_is_no_database() -> None:
    nowhere = LedgerDatabase(host="127.66.6.8", port=9, user="u", password="p", name="n")
    async with pool_of(nowhere) as pool:
        with pytest.raises(DatabaseUnavailable):
            await Database(pool).run_once(lambda c: c.fetchval("SELECT 1"), deadline=soon())


async def test_releasing_a_connection_costs_no_round_trip(pool: Pool) -> None:
    async with pool.acquire() as connection:
        before = connection._protocol.queries_count  # type: ignore[attr-defined]
    async with pool.acquire() as connection:
        after = connection._protocol.queries_count  # type: ignore[attr-defined]
    assert before == after


async def test_a_pool_that_does_not_close_in_time_is_terminated(
    ledger_database: LedgerDatabase,
) -> None:
    async with asyncpg.create_pool(ledger_database.dsn, min_size=0) as pool:
        held = await pool.acquire()
        await close_pool(pool, timeout_seconds=0.05)
        with pytest.raises(asyncpg.InterfaceError):
            await held.fetchval("SELECT 1")


@pytest.fixture
def fake_pool() -> FakePool:
    return FakePool()
