"""An empty ledger for every test, in a copy of a database to which the migrations were applied."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from app_service.api.health import Health
from app_service.clients import recent_reads
from app_service.database.database import Pool, connect_writer
from lambda_src.schema_migrator.migrations import read_migrations
from local_cloud.postgres import PostgresServer
from tests.ledger_structure import EMPTY, STRUCTURE
from tests.patience import PATIENCE_SECONDS

MIGRATIONS = read_migrations(Path(__file__).parents[2] / "app_service" / "migrations")
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
    """As the migrator does it, in the order of names: each file as one simple query, or each
    statement of a file that runs outside of a transaction."""
    connection = await asyncpg.connect(dsn)
    try:
        for migration in MIGRATIONS:
            for query in migration.outside or [migration.sql]:
                await connection.execute(query)
    finally:
        await connection.close()


@pytest.fixture(autouse=True)
def no_short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the service are short because clients wait. A test about one of them sets it."""
    monkeypatch.setattr(recent_reads, "CHECK_TIMEOUT_SECONDS", PATIENCE_SECONDS)
    for defaults in (connect_writer.__kwdefaults__, Health.__init__.__kwdefaults__):
        assert defaults is not None
        monkeypatch.setitem(defaults, "timeout_seconds", float(PATIENCE_SECONDS))


@pytest_asyncio.fixture(scope="session")
async def ledger_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated database without connections."""
    admin = await asyncpg.connect(postgres_server.dsn)
    await admin.execute(f"CREATE DATABASE {_TEMPLATE}")
    await admin.close()
    await migrate(_at(postgres_server, _TEMPLATE).dsn)
    return _TEMPLATE


class CommonLedger:
    """A ledger that tests use in turn. Emptied for each: a copy takes twenty times as long.

    It is copied again if a test has changed its structure and not restored it.
    """

    def __init__(self, *, server: PostgresServer, template: str, copies: AsyncExitStack) -> None:
        self._server = server
        self._template = template
        self._copies = copies
        self._current: tuple[LedgerDatabase, str] | None = None

    async def emptied(self) -> LedgerDatabase:
        if self._current is not None:
            database, structure = self._current
            async with _connection(database.dsn) as connection:
                if await connection.fetchval(STRUCTURE) == structure:
                    await connection.execute(EMPTY)
                    return database
        database = await self._copies.enter_async_context(_copy(self._server, self._template))
        async with _connection(database.dsn) as connection:
            self._current = database, await connection.fetchval(STRUCTURE)
        return database


@pytest_asyncio.fixture(scope="session")
async def common_ledger(
    postgres_server: PostgresServer, ledger_template: str
) -> AsyncIterator[CommonLedger]:
    async with AsyncExitStack() as copies:
        yield CommonLedger(server=postgres_server, template=ledger_template, copies=copies)


@pytest_asyncio.fixture
async def ledger_database(common_ledger: CommonLedger) -> LedgerDatabase:
    """An empty ledger."""
    return await common_ledger.emptied()


@pytest_asyncio.fixture
async def own_ledger_database(
    postgres_server: PostgresServer, ledger_template: str
) -> AsyncIterator[LedgerDatabase]:
    """For a test that changes the database itself: a copy of its own."""
    async with _copy(postgres_server, ledger_template) as database:
        yield database


@pytest_asyncio.fixture
async def ledger_pool(ledger_database: LedgerDatabase) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(ledger_database.dsn, min_size=0, max_size=10) as pool:
        yield pool


@asynccontextmanager
async def _connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


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
