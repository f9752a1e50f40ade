"""A PostgreSQL server as the local cloud configures it (fsync, TLS only), and ledgers on it.

A ledger is migrated by the deployed migrator and has accounts with money in them, which came from
account `accounts + 1` through the posting function: its balances sum to zero.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pg8000.native import Connection

from bench.ledger.processor_time import tree_seconds
from bench.ledger.submitted_row import CLIENT_ID, call_sql, row_sql
from lambda_src.schema_migrator.migrations import read_migrations
from lambda_src.schema_migrator.migrator import migrate
from lambda_src.schema_migrator.outside_transactions import run_outside
from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import DatabaseTarget, connect_to_writer
from local_cloud.addresses import free_port
from local_cloud.certificates import LocalAuthority
from local_cloud.paths import ROOT
from local_cloud.postgres import PostgresServer

ACCOUNTS = 100_000
ADDRESS = "127.0.0.1"
SERVICE_LOGIN = Credentials(username="ledger_service", password="of-the-service")
PROCESSOR_LOGIN = Credentials(username="ledger_processor", password="of-the-processor")
# The working set stays in memory, as on an instance that fits its ledger.
_SETTINGS = {"shared_buffers": "512MB"}
_MONEY = 1_000_000_000
_CALL = 1000
_STATEMENT_TIMEOUT_SECONDS = 600.0
_QUIET_SECONDS = 60.0
_QUIET_LOOKS = 4
_LOOK_SECONDS = 0.03
_ACTIVITY = (
    "SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    f" AND usename = '{SERVICE_LOGIN.username}' AND state <> 'idle'),"
    " (SELECT batches FROM ledger.waiting_batches(1))"
)


class LedgerBroken(Exception):
    """The ledger does not hold what it must: its speed would mean nothing."""


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """A database of a server. `accounts` have money: 1 to this number."""

    server: "DatabaseServer"
    name: str
    accounts: int

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Of the superuser, over TLS."""
        with closing(self.server.connect(self.name)) as connection:
            yield connection

    def copy(self, name: str) -> "Ledger":
        """A new ledger with the same contents. Nobody may be connected to this one."""
        with closing(self.server.connect("postgres")) as admin:
            admin.run(f"CREATE DATABASE {name} TEMPLATE {self.name} STRATEGY file_copy")
            admin.run("CHECKPOINT")  # or a measurement pays for it
        return Ledger(server=self.server, name=name, accounts=self.accounts)

    def posted(self) -> int:
        """The number of transactions, without those that brought the first money."""
        with self.connection() as connection:
            [[count]] = connection.run("SELECT count(*) FROM ledger.transactions")
            [[refused]] = connection.run(
                "SELECT count(*) FROM ledger.transactions WHERE state <> 'posted'"
            )
        if refused:
            raise LedgerBroken(f"{refused} transactions of {self.name} were refused")
        return int(count) - self.accounts

    def wait_until_quiet(self) -> None:
        """Return when what clients have left behind is posted and sent."""
        deadline = time.monotonic() + _QUIET_SECONDS
        quiet = 0
        with self.connection() as connection:
            while quiet < _QUIET_LOOKS:
                [[active, waiting]] = connection.run(_ACTIVITY)
                quiet = 0 if active or waiting else quiet + 1
                if time.monotonic() > deadline:
                    raise LedgerBroken(
                        f"{self.name}: {active} calls run and {waiting} batches wait"
                        f" {_QUIET_SECONDS:.0f} s after the load"
                    )
                time.sleep(_LOOK_SECONDS)

    def check(self) -> None:
        """Raises LedgerBroken if money came or went, or a balance differs from its entries."""
        with self.connection() as connection:
            [[total]] = connection.run("SELECT sum(balance_minor) FROM ledger.accounts")
            [[different]] = connection.run(
                "SELECT count(*) FROM ledger.accounts a JOIN (SELECT account_id,"
                " sum(amount_minor) AS moved, count(*) AS entries FROM ledger.entries"
                " GROUP BY account_id) e USING (account_id)"
                " WHERE a.balance_minor <> e.moved OR a.version <> e.entries"
            )
        if total != 0 or different:
            raise LedgerBroken(
                f"{self.name}: the balances sum to {total}, which must be 0, and {different}"
                " accounts differ from their entries"
            )


@dataclass(frozen=True, kw_only=True)
class DatabaseServer:
    postgres: PostgresServer
    ca_file: Path

    def connect(self, database: str) -> Connection:
        superuser = Credentials(username=self.postgres.superuser, password=self.postgres.password)
        return connect_to_writer(self._target(database), superuser)

    def new_ledger(self, name: str, *, accounts: int = ACCOUNTS) -> Ledger:
        with closing(self.connect("postgres")) as admin:
            admin.run(f"CREATE DATABASE {name}")
        migrate(
            connect=partial(self.connect, name),
            migrations=read_migrations(ROOT / "app_service" / "migrations"),
            logins=(SERVICE_LOGIN, PROCESSOR_LOGIN),
            run_outside=partial(
                run_outside,
                connect=lambda _seconds: self.connect(name),
                seconds_left=lambda: _STATEMENT_TIMEOUT_SECONDS,
            ),
            pause_up_to=lambda _seconds: None,
        )
        with closing(self.connect(name)) as connection:
            _open_accounts(connection, accounts)
            connection.run("VACUUM ANALYZE")
        return Ledger(server=self, name=name, accounts=accounts)

    def processor_seconds(self) -> float:
        """Of all processes of the server since its start."""
        assert self.postgres.process is not None
        return tree_seconds(self.postgres.process.pid)

    def _target(self, database: str) -> DatabaseTarget:
        return DatabaseTarget(
            hosts=(self.postgres.address,),
            port=self.postgres.port,
            name=database,
            ca_file=str(self.ca_file),
            application_name="bench",
            statement_timeout_seconds=_STATEMENT_TIMEOUT_SECONDS,
        )


@contextmanager
def database_server(settings: Mapping[str, str] = _SETTINGS) -> Iterator[DatabaseServer]:
    with tempfile.TemporaryDirectory(prefix="bench-ledger-") as folder:
        authority = LocalAuthority(Path(folder) / "certificates")
        postgres = PostgresServer(
            data_dir=Path(folder) / "data",
            address=ADDRESS,
            port=free_port(),
            password="of-the-superuser",  # of a server that lives for minutes
            certificate=authority.issue(name="writer", addresses=[ADDRESS]),
            settings=dict(settings),
        )
        postgres.initialize()
        postgres.start()
        try:
            yield DatabaseServer(postgres=postgres, ca_file=authority.certificate_file)
        finally:
            postgres.stop()


def _open_accounts(connection: Connection, accounts: int) -> None:
    """Bulk, because the API opens one at a time; the money comes through the posting function."""
    connection.run(
        "INSERT INTO ledger.accounts (account_id, currency, may_go_negative, owner, opened_by)"
        " SELECT n, 'USD', n > CAST(:accounts AS bigint), CAST(:client AS text), 'bench'"
        " FROM generate_series(1, CAST(:accounts AS bigint) + 1) n",
        accounts=accounts,
        client=CLIENT_ID,
    )
    row = row_sql(
        {
            "transaction_id": "gen_random_uuid()",
            "debit_account": str(accounts + 1),
            "credit_account": "n",
            "amount_minor": str(_MONEY),
        }
    )
    for first in range(1, accounts + 1, _CALL):
        last = min(first + _CALL - 1, accounts)
        rows = f"ARRAY(SELECT {row} FROM generate_series({first}, {last}) n)"
        assert connection.run(call_sql(rows)) == [["posted"]] * (last - first + 1)
    connection.run("DELETE FROM ledger.outbox_v2")  # no task has to send these
