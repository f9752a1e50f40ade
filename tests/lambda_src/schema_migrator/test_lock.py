"""One migrator works at a time, and no other role keeps it from working."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from lambda_src.schema_migrator import migrations
from lambda_src.schema_migrator.lock import AnotherMigrator, locked
from lambda_src.schema_migrator.migrations import Migration
from tests.lambda_src.cluster import Cluster, nothing_outside
from tests.patience import PATIENCE_SECONDS

ONE = Migration(name="0001_one.sql", sql="CREATE TABLE one (n int)")
TWO = Migration(name="0002_two.sql", sql="CREATE TABLE two (n int)")
apply_migrations = partial(migrations.apply_migrations, run_outside=nothing_outside)
SLOW = Migration(name="0003_slow.sql", sql="CREATE TABLE three (n int); SELECT pg_sleep(0.2)")


@pytest.fixture
def session(cluster: Cluster, empty_database: str) -> Iterator[Connection]:
    with cluster.session(empty_database) as opened:
        yield opened


@pytest.fixture
def other(cluster: Cluster, empty_database: str) -> Iterator[Connection]:
    with cluster.session(empty_database) as opened:
        yield opened


def test_a_migrator_waits_for_another_one_and_then_gives_up(
    session: Connection, other: Connection
) -> None:
    apply_migrations(other, [ONE])
    with (
        locked(other),
        pytest.raises(AnotherMigrator, match="another migrator works for longer than 50ms"),
    ):
        apply_migrations(session, [ONE, TWO], wait_for_others="50ms")
    assert apply_migrations(session, [ONE, TWO]) == ["0002_two.sql"]


def test_two_migrators_at_once_apply_each_file_once(session: Connection, other: Connection) -> None:
    """Also in an empty database, in which both create the table of migrations."""
    files = [ONE, TWO, SLOW]
    with ThreadPoolExecutor() as threads:
        applied = list(threads.map(lambda c: apply_migrations(c, files), (session, other)))
    assert sorted(applied[0] + applied[1]) == [file.name for file in files]


def test_the_table_that_another_migrator_creates_at_this_moment_is_used(
    session: Connection, other: Connection, cluster: Cluster
) -> None:
    other.run("START TRANSACTION")
    other.run("CREATE SCHEMA ledger")
    other.run(
        "CREATE TABLE ledger.schema_migrations"
        " (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz DEFAULT now())"
    )
    [[pid]] = session.run("SELECT pg_backend_pid()")
    with ThreadPoolExecutor() as threads:
        applied = threads.submit(apply_migrations, session, [ONE])
        wait_until_it_waits_for_a_lock(cluster, pid)
        other.run("COMMIT")
        assert applied.result() == ["0001_one.sql"]


def test_another_error_of_the_table_or_of_the_lock_is_raised_unchanged(
    session: Connection, other: Connection
) -> None:
    session.run("SET ROLE pg_monitor")
    with pytest.raises(DatabaseError, match="permission denied for database"):
        apply_migrations(session, [ONE])
    session.run("RESET ROLE")
    apply_migrations(session, [ONE])
    session.run("SET statement_timeout = '50ms'")
    with locked(other), pytest.raises(DatabaseError, match="statement timeout"):
        apply_migrations(session, [ONE])


def test_an_error_leaves_neither_changes_nor_the_lock(
    session: Connection, other: Connection
) -> None:
    apply_migrations(session, [])
    with suppress(ZeroDivisionError), locked(session):
        session.run("CREATE TABLE lost (n int)")
        raise ZeroDivisionError
    assert session.run("SELECT to_regclass('lost')") == [[None]]
    apply_migrations(other, [ONE], wait_for_others="50ms")


def test_a_table_that_is_in_use_is_not_waited_for_as_long_as_another_migrator(
    session: Connection,
) -> None:
    """While a migration waits for a table, all later statements wait behind it."""
    apply_migrations(session, [])
    with locked(session, wait_for_others="60s"):
        assert session.run("SHOW lock_timeout") == [["10s"]]
    assert session.run("SHOW lock_timeout") == [["0"]]


def wait_until_it_waits_for_a_lock(cluster: Cluster, pid: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        [[event]] = cluster.master.run(
            "SELECT wait_event_type FROM pg_stat_activity WHERE pid = :pid", pid=pid
        )
        if event == "Lock":
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)
