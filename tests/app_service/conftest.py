"""An empty ledger for every test, in a copy of a database to which the migrations were applied."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest_asyncio

from app_service.ledger.database import Pool
from local_cloud.postgres import PostgresServer

MIGRATIONS = sorted(
    (Path(__file__).parents[2] / "app_service" / "migrations").glob("*.sql"), key=lambda f: f.name
)
_TEMPLATE = "ledger_template"
# The tables refuse TRUNCATE, except to a replica, which must be able to follow.
_EMPTY = """
SET session_replication_role = replica;
TRUNCATE ledger.accounts, ledger.transactions, ledger.entries, ledger.outbox RESTART IDENTITY
"""
_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class LedgerDatabase:
    """Where a migrated, empty ledger is; its superuser owns everything in it."""

    host: str
    port: int
    user: str
    password: str
    name: str

    @property
    def dsn(self) -> str:
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.name}"


async def migrate(dsn: str) -> None:
    """As the migrator does it: each file as one simple query, in the order of names."""
    connection = await asyncpg.connect(dsn)
    try:
        for migration in MIGRATIONS:
            await connection.execute(migration.read_text())
    finally:
        await connection.close()


@pytest_asyncio.fixture(scope="session")
async def ledger_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated database nobody is connected to."""
    admin = await asyncpg.connect(postgres_server.dsn)
    await admin.execute(f"CREATE DATABASE {_TEMPLATE}")
    await admin.close()
    await migrate(_at(postgres_server, _TEMPLATE).dsn)
    return _TEMPLATE


@pytest_asyncio.fixture(scope="session")
async def common_ledger(
    postgres_server: PostgresServer, ledger_template: str
) -> AsyncIterator[LedgerDatabase]:
    async with _copy(postgres_server, ledger_template) as database:
        yield database


@pytest_asyncio.fixture
async def ledger_database(common_ledger: LedgerDatabase) -> LedgerDatabase:
    """An empty ledger. Emptied, not made anew, which would take twenty times as long."""
    connection = await asyncpg.connect(common_ledger.dsn)
    await connection.execute(_EMPTY)
    await connection.close()
    return common_ledger


@pytest_asyncio.fixture
async def own_ledger_database(
    postgres_server: PostgresServer, ledger_template: str
) -> AsyncIterator[LedgerDatabase]:
    """For a test that changes the database itself: a copy that nobody else uses."""
    async with _copy(postgres_server, ledger_template) as database:
        yield database


@pytest_asyncio.fixture
async def ledger_pool(ledger_database: LedgerDatabase) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(ledger_database.dsn, min_size=0, max_size=10) as pool:
        yield pool


@asynccontextmanager
async def _copy(server: PostgresServer, template: str) -> AsyncIterator[LedgerDatabase]:
    name = f"ledger_{next(_numbers)}"
    admin = await asyncpg.connect(server.dsn)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _at(server, name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


def _at(server: PostgresServer, name: str) -> LedgerDatabase:
    return LedgerDatabase(
        host=server.address,
        port=server.port,
        user=server.superuser,
        password=server.password,
        name=name,
    )
