"""A database cluster as in an environment: a writer and a read-only standby, TLS only."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import pytest
from pg8000.native import Connection, identifier

from lambda_src.schema_migrator.outside_transactions import RunOutside, run_outside
from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import DatabaseTarget, connect_to_writer
from local_cloud.certificates import LocalAuthority
from local_cloud.postgres import PostgresServer
from tests.patience import PATIENCE_SECONDS

WRITER = "127.0.0.1"
STANDBY = "127.0.0.2"
NOBODY = "127.0.0.3"  # nothing listens there
UNNAMED = "127.0.0.4"  # the writer again, at an address that its certificate does not name

MASTER = Credentials(username="postgres", password="test")

_numbers = itertools.count(1)


@dataclass(kw_only=True)
class Cluster:
    port: int
    ca_file: Path
    other_ca_file: Path  # a root that did not sign the servers' certificates

    @cached_property
    def master(self) -> Connection:
        """A session of the master user that stays open: opening one takes 50 ms."""
        return connect_to_writer(self.target(), MASTER)

    def target(
        self, database: str = "postgres", hosts: tuple[str, ...] = (WRITER,)
    ) -> DatabaseTarget:
        return DatabaseTarget(
            hosts=hosts,
            port=self.port,
            name=database,
            ca_file=str(self.ca_file),
            application_name="tests",
            statement_timeout_seconds=PATIENCE_SECONDS,
        )

    @contextmanager
    def session(self, database: str) -> Iterator[Connection]:
        """A session of the master user for one purpose."""
        connection = connect_to_writer(self.target(database), MASTER)
        try:
            yield connection
        finally:
            connection.close()

    def run_outside(
        self, database: str, *, seconds_left: Callable[[], float] = lambda: 300
    ) -> RunOutside:
        """What the migrator runs the files with that are not in a transaction."""
        return partial(
            run_outside,
            connect=lambda seconds: connect_to_writer(
                replace(self.target(database), statement_timeout_seconds=seconds), MASTER
            ),
            seconds_left=seconds_left,
        )

    def create_database(self, template: str = "template0") -> str:
        name = f"test_{next(_numbers)}"
        self.master.run(f"CREATE DATABASE {identifier(name)} TEMPLATE {identifier(template)}")
        return name


def nothing_outside(statements: Sequence[str]) -> None:
    """For tests whose files all run in transactions."""
    raise AssertionError(statements)


@contextmanager
def running_cluster(folder: Path, port: int) -> Iterator[Cluster]:
    authority = LocalAuthority(folder / "authority")
    common = {"fsync": "off", "log_min_messages": "fatal"}
    writer = PostgresServer(
        data_dir=folder / "writer",
        address=WRITER,
        port=port,
        password=MASTER.password,
        certificate=authority.issue(name="writer", addresses=[WRITER]),
        settings=common | {"listen_addresses": f"{WRITER},{UNNAMED}"},
    )
    standby = PostgresServer(
        data_dir=folder / "standby",
        address=STANDBY,
        port=port,
        password=MASTER.password,
        certificate=authority.issue(name="standby", addresses=[STANDBY]),
        settings=common,
    )
    writer.initialize()
    writer.make_standby(standby)
    writer.start()
    try:
        standby.start()
        with pytest.MonkeyPatch.context() as patch:
            # A function gives up after two seconds, because it has to end in time. A test has time.
            timeout = "lambda_src.shared.database._CONNECT_TIMEOUT_SECONDS"
            patch.setattr(timeout, PATIENCE_SECONDS)
            yield Cluster(
                port=port,
                ca_file=authority.certificate_file,
                other_ca_file=LocalAuthority(folder / "other").certificate_file,
            )
    finally:
        standby.stop()
        writer.stop()
