"""A role that stores other settings for itself does not stop or change the service's work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
import pytest_asyncio

from app_service.database.database import Connection, Pool, close_pool, open_pool
from app_service.database.session_settings import session_settings
from app_service.outbox import outbox
from app_service.outbox.outbox import Waiting
from tests.app_service.build import open_accounts, post_on, transaction
from tests.app_service.conftest import LedgerDatabase
from tests.app_service.database.hostile_settings import HOSTILE_SETTINGS

PINNED = session_settings(statement_timeout_seconds=5)


@pytest_asyncio.fixture
async def clerk(ledger_pool: Pool) -> AsyncIterator[str]:
    """A role with the rights of the service, and without any setting of its own."""
    await ledger_pool.execute("CREATE ROLE clerk LOGIN PASSWORD 'clerk' IN ROLE ledger_service")
    yield "clerk"
    await ledger_pool.execute("DROP ROLE clerk")


@asynccontextmanager
async def connected(database: LedgerDatabase, role: str) -> AsyncIterator[Connection]:
    """A connection as the service opens it."""
    pool = await open_pool(
        hosts=(database.host,),
        port=database.port,
        database=database.name,
        user=role,
        password=role,
        tls=None,
        size=1,
    )
    async with pool.acquire() as connection:
        yield connection
    await close_pool(pool)


async def settings_of(connection: Connection) -> dict[str, str]:
    rows = await connection.fetch(
        "SELECT name, setting FROM pg_settings WHERE name = ANY ($1)", list(PINNED)
    )
    return {row["name"]: row["setting"] for row in rows}


async def work(connection: Connection) -> None:
    """Post and relay, with pauses as on the network."""
    assert await post_on(connection, transaction()) == ["posted"]
    await asyncio.sleep(0.02)
    [batch] = (await outbox.take_batches(connection)).batches
    await asyncio.sleep(0.02)
    await outbox.record_sent(connection, [batch.batch_id])
    assert await outbox.waiting(connection) == Waiting(batches=0, oldest_seconds=0, set_aside=0)


def test_every_setting_that_a_connection_brings_along_is_tried_below() -> None:
    assert HOSTILE_SETTINGS.keys() == PINNED.keys()


@pytest.mark.parametrize("name", HOSTILE_SETTINGS)
async def test_a_setting_that_a_role_has_stored_for_itself_has_no_effect(
    ledger_database: LedgerDatabase, ledger_pool: Pool, clerk: str, name: str
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    async with connected(ledger_database, clerk) as connection:
        before = await settings_of(connection)
        await connection.execute(f"ALTER ROLE CURRENT_USER SET {name} = '{HOSTILE_SETTINGS[name]}'")
    async with connected(ledger_database, clerk) as connection:
        assert await settings_of(connection) == before
        await work(connection)


async def test_what_is_stored_for_a_role_in_one_database_has_no_effect_either(
    ledger_database: LedgerDatabase, ledger_pool: Pool, clerk: str
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    await ledger_pool.execute(
        f"ALTER ROLE clerk IN DATABASE {ledger_database.name}"
        " SET default_transaction_read_only = on"
    )
    async with connected(ledger_database, clerk) as connection:
        await work(connection)


async def test_the_settings_are_those_that_the_posting_function_relies_on(
    ledger_database: LedgerDatabase, clerk: str
) -> None:
    async with connected(ledger_database, clerk) as connection:
        found = await settings_of(connection)
    assert found["default_transaction_isolation"] == "read committed"
    assert found["synchronous_commit"] == "on"
    assert found["statement_timeout"] == "5000"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with connected(ledger_database, clerk) as connection:
            await connection.execute(
                "ALTER ROLE CURRENT_USER SET session_replication_role = replica"
            )
