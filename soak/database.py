"""A PostgreSQL server over TLS with an empty ledger, migrated by the deployed migrator."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pg8000.native import Connection

from lambda_src.schema_migrator.migrations import read_migrations
from lambda_src.schema_migrator.migrator import migrate
from lambda_src.schema_migrator.outside_transactions import run_outside
from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import DatabaseTarget, connect_to_writer
from local_cloud.addresses import free_port
from local_cloud.certificates import LocalAuthority
from local_cloud.paths import ROOT
from local_cloud.postgres import PostgresServer

ADDRESS: Final = "127.0.0.1"
NAME: Final = "ledger"
SERVICE_LOGIN: Final = Credentials(username="ledger_service", password="of-the-service")
PROCESSOR_LOGIN: Final = Credentials(username="ledger_processor", password="of-the-processor")
_AUDITOR_LOGIN: Final = Credentials(username="ledger_auditor", password="of-the-auditor")
_STATEMENT_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class LedgerDatabase:
    """Past every proxy: for the set-up, and to look at the ledger."""

    postgres: PostgresServer
    ca_file: Path

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Of the superuser."""
        with closing(self._connect(NAME)) as connection:
            yield connection

    @contextmanager
    def auditor(self) -> Iterator[Connection]:
        """Of the role that verifies the audit trail."""
        with closing(self._connect(NAME, _AUDITOR_LOGIN)) as connection:
            yield connection

    def create(self) -> None:
        with closing(self._connect("postgres")) as admin:
            admin.run(f"CREATE DATABASE {NAME}")
        migrate(
            connect=partial(self._connect, NAME),
            migrations=read_migrations(ROOT / "app_service" / "migrations"),
            logins=(SERVICE_LOGIN, PROCESSOR_LOGIN, _AUDITOR_LOGIN),
            run_outside=partial(
                run_outside,
                connect=lambda _seconds: self._connect(NAME),
                seconds_left=lambda: _STATEMENT_TIMEOUT_SECONDS,
            ),
            pause_up_to=lambda _seconds: None,
        )

    def _connect(self, database: str, login: Credentials | None = None) -> Connection:
        target = DatabaseTarget(
            hosts=(self.postgres.address,),
            port=self.postgres.port,
            name=database,
            ca_file=str(self.ca_file),
            application_name="soak",
            statement_timeout_seconds=_STATEMENT_TIMEOUT_SECONDS,
        )
        superuser = Credentials(username=self.postgres.superuser, password=self.postgres.password)
        return connect_to_writer(target, login or superuser)


@contextmanager
def ledger_database(folder: Path) -> Iterator[LedgerDatabase]:
    """Without fsync: no fault here is one of a disk."""
    authority = LocalAuthority(folder / "certificates")
    postgres = PostgresServer(
        data_dir=folder / "data",
        address=ADDRESS,
        port=free_port(),
        password="of-the-superuser",  # of a server that lives for minutes
        certificate=authority.issue(name="writer", addresses=[ADDRESS]),
        settings={"fsync": "off"},
    )
    postgres.initialize()
    postgres.start()
    try:
        database = LedgerDatabase(postgres=postgres, ca_file=authority.certificate_file)
        database.create()
        yield database
    finally:
        postgres.stop()
