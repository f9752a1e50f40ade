"""Data directories with a ledger, and a server on one of them."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import psutil

from lambda_src.schema_migrator.migrations import read_migrations
from local_cloud.addresses import free_port
from local_cloud.paths import ROOT
from local_cloud.postgres import PostgresServer
from local_cloud.postgres_configuration import write_configuration

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:  # generic to the type checker only
    Connection = asyncpg.Connection

ADDRESS = "127.0.0.1"
DATABASE = "ledger"
PASSWORD = "bench"  # nosec B105 - of servers that live for minutes
SERVICE_ROLE = "ledger_service"
_MIGRATIONS = read_migrations(ROOT / "app_service" / "migrations")
_NICE = 10


@dataclass(frozen=True, kw_only=True)
class RunningLedger:
    server: PostgresServer

    @property
    def postmaster(self) -> psutil.Process:
        assert self.server.process is not None  # it runs
        return psutil.Process(self.server.process.pid)

    @asynccontextmanager
    async def connection(self, database: str = DATABASE) -> AsyncIterator[Connection]:
        """As superuser."""
        connection = await asyncpg.connect(
            host=ADDRESS,
            port=self.server.port,
            user=self.server.superuser,
            password=self.server.password,
            database=database,
        )
        try:
            yield connection
        finally:
            await connection.close()

    async def create(self, database: str, *, accounts: int) -> None:
        """An empty ledger with open accounts 1 to `accounts`, which may go negative."""
        async with self.connection("postgres") as connection:
            await connection.execute(f"CREATE DATABASE {database}")
        async with self.connection(database) as connection:
            for migration in _MIGRATIONS:
                for query in migration.outside or [migration.sql]:
                    await connection.execute(query)
            await connection.execute(f"ALTER ROLE {SERVICE_ROLE} LOGIN PASSWORD '{PASSWORD}'")
            await connection.execute(
                "INSERT INTO ledger.accounts"
                " (account_id, currency, may_go_negative, owner, opened_by)"
                f" SELECT n, 'USD', true, 'bench', 'bench' FROM generate_series(1, {accounts}) n"
            )


@asynccontextmanager
async def running(
    data_dir: Path, *, settings: Mapping[str, str], is_nice: bool = False
) -> AsyncIterator[RunningLedger]:
    """A server on `data_dir`, which is created if it does not exist."""
    server = PostgresServer(
        data_dir=data_dir,
        address=ADDRESS,
        port=free_port(),
        password=PASSWORD,
        settings=dict(settings),
    )
    if not server.is_initialized:
        server.initialize()
    write_configuration(
        data_dir, address=ADDRESS, port=server.port, certificate=None, settings=settings
    )
    server.start()
    ledger = RunningLedger(server=server)
    if is_nice:
        ledger.postmaster.nice(_NICE)
    try:
        yield ledger
        async with ledger.connection("postgres") as connection:
            await connection.execute("CHECKPOINT")  # a stop would not wait so long for it
    finally:
        server.stop()


def copy(source: Path, target: Path) -> None:
    """Of a data directory whose server is stopped. Replaces `target`."""
    for old in (target, part := target.with_name(f"{target.name}.part")):
        shutil.rmtree(old, ignore_errors=True)
    subprocess.run(["cp", "-a", str(source), str(part)], check=True)
    part.rename(target)
