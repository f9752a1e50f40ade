"""A ledger of its own for every test: a copy of a database to which the migrations were applied."""

import itertools
from collections.abc import AsyncIterator
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


@pytest_asyncio.fixture
async def ledger_database(
    postgres_server: PostgresServer, ledger_template: str
) -> AsyncIterator[LedgerDatabase]:
    name = f"ledger_{next(_numbers)}"
    admin = await asyncpg.connect(postgres_server.dsn)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {ledger_template}")
    yield _at(postgres_server, name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest_asyncio.fixture
async def ledger_pool(ledger_database: LedgerDatabase) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(ledger_database.dsn, min_size=0, max_size=10) as pool:
        yield pool


def _at(server: PostgresServer, name: str) -> LedgerDatabase:
    return LedgerDatabase(
        host=server.address,
        port=server.port,
        user=server.superuser,
        password=server.password,
        name=name,
    )
