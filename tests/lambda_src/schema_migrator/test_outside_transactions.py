"""Indexes that are built while others write: nobody waits, and a failed build leaves nothing."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from pg8000.native import Connection

from lambda_src.schema_migrator.lock import AnotherMigrator
from lambda_src.schema_migrator.migrations import Migration, MigrationRefused, apply_migrations
from lambda_src.schema_migrator.outside_transactions import (
    RESERVED_SECONDS,
    RunOutside,
    StatementRefused,
)
from tests.lambda_src.cluster import Cluster
from tests.patience import PATIENCE_SECONDS

TABLE = Migration(
    name="0001_table.sql",
    sql="CREATE TABLE ledger.notes (n int, t text); INSERT INTO ledger.notes VALUES (1, 'a')",
)
BY_N = "CREATE INDEX CONCURRENTLY IF NOT EXISTS notes_by_n ON ledger.notes (n)"
UNIQUE = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS notes_n ON ledger.notes (n)"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(CAST(:index AS text))"


def outside(*statements: str, name: str = "0002_index.sql") -> Migration:
    lines = ["-- no transaction: postings go on while it is built", *(f"{s};" for s in statements)]
    return Migration(name=name, sql="\n".join(lines))


INDEX = outside(BY_N)


class Database:
    def __init__(self, cluster: Cluster, name: str, session: Connection, other: Connection) -> None:
        self._cluster = cluster
        self._name = name
        self.session = session  # the migrator's
        self.other = other  # of a task, or of another migrator
        self.run_outside = cluster.run_outside(name)
        self.migrate(TABLE)

    def migrate(self, *migrations: Migration, run_outside: RunOutside | None = None) -> list[str]:
        return apply_migrations(
            self.session, migrations, run_outside=run_outside or self.run_outside
        )

    def with_seconds_left(self, seconds: float) -> RunOutside:
        return self._cluster.run_outside(
            self._name, seconds_left=lambda: RESERVED_SECONDS + seconds
        )

    def recorded(self) -> list[str]:
        rows = self.other.run("SELECT name FROM ledger.schema_migrations ORDER BY name")
        return [name for (name,) in rows]

    def is_valid(self, index: str) -> bool | None:
        """None: there is no such index."""
        rows = self.other.run(VALID, index=f"ledger.{index}")
        return bool(rows[0][0]) if rows else None

    @contextmanager
    def building(self, migration: Migration) -> "Iterator[Future[list[str]]]":
        """The build waits for a transaction of a task that has written, until the block ends."""
        self.other.run("START TRANSACTION")
        self.other.run("SET LOCAL idle_in_transaction_session_timeout = 0")
        self.other.run("INSERT INTO ledger.notes VALUES (2, 'b')")
        with ThreadPoolExecutor(1) as threads:
            future = threads.submit(self.migrate, TABLE, migration)
            try:
                until(lambda: bool(self._builders()))
                yield future
            finally:
                self.other.run("COMMIT")

    def _builders(self) -> list[Any]:
        rows: list[Any] = self._cluster.master.run(
            "SELECT p.pid FROM pg_stat_progress_create_index p"
            " JOIN pg_stat_activity a USING (pid)"
            " WHERE p.datname = :name AND a.wait_event_type = 'Lock'",
            name=self._name,
        )
        return rows

    def kill_the_build(self) -> None:
        for (pid,) in self._builders():
            self._cluster.master.run("SELECT pg_terminate_backend(:pid, 5000)", pid=pid)

    @contextmanager
    def one_more(self) -> Iterator[Connection]:
        with self._cluster.session(self._name) as session:
            yield session


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to this"
        time.sleep(0.01)


@pytest.fixture
def database(cluster: Cluster, empty_database: str) -> Iterator[Database]:
    with cluster.session(empty_database) as session, cluster.session(empty_database) as other:
        yield Database(cluster, empty_database, session, other)


def test_an_index_is_built_and_recorded_once(database: Database) -> None:
    files = [TABLE, outside(BY_N, "DROP INDEX CONCURRENTLY IF EXISTS ledger.no_such", UNIQUE)]
    assert database.migrate(*files) == ["0002_index.sql"]
    assert (database.is_valid("notes_by_n"), database.is_valid("notes_n")) == (True, True)
    assert database.migrate(*files) == []
    assert database.migrate(
        *files, outside("DROP INDEX CONCURRENTLY IF EXISTS ledger.notes_n", name="0003_drop.sql")
    ) == ["0003_drop.sql"]
    assert database.is_valid("notes_n") is None


def test_others_write_while_an_index_is_built(database: Database) -> None:
    """In a transaction the same statement would lock the table for all of them."""
    with database.building(INDEX) as migrating, database.one_more() as writer:
        writer.run("SET lock_timeout = '1s'")
        for n in range(20):
            writer.run("INSERT INTO ledger.notes VALUES (CAST(:n AS int), 'c')", n=n)
        writer.run("UPDATE ledger.notes SET t = 'd' WHERE n = 7")
        assert not migrating.done()
        assert database.recorded() == ["0001_table.sql"]
    assert migrating.result() == ["0002_index.sql"]
    assert database.is_valid("notes_by_n")


def test_no_other_migrator_works_meanwhile(database: Database) -> None:
    with database.building(INDEX), database.one_more() as session, pytest.raises(AnotherMigrator):
        apply_migrations(
            session, [TABLE, INDEX], run_outside=database.run_outside, wait_for_others="50ms"
        )


def test_the_session_that_keeps_others_away_may_be_idle_for_long(database: Database) -> None:
    """Every session ends after 15 s in an idle transaction, and a build takes longer."""
    found = []

    def show(_statements: Sequence[str]) -> None:
        found.append(database.session.run("SHOW idle_in_transaction_session_timeout"))

    assert database.session.run("SHOW idle_in_transaction_session_timeout") == [["15s"]]
    database.migrate(TABLE, INDEX, run_outside=show)
    assert found == [[["0"]]]
    assert database.session.run("SHOW idle_in_transaction_session_timeout") == [["15s"]]


def test_a_build_whose_session_is_killed_is_built_again(database: Database) -> None:
    with database.building(INDEX) as migrating:
        database.kill_the_build()
        with pytest.raises(Exception):  # noqa: B017, PT011 - of the driver: the connection is gone
            migrating.result()
        assert database.is_valid("notes_by_n") is False, "what the server leaves behind"
    assert database.recorded() == ["0001_table.sql"]
    assert database.migrate(TABLE, INDEX) == ["0002_index.sql"]
    assert database.is_valid("notes_by_n")


def test_an_index_that_was_built_but_not_recorded_is_not_built_again(database: Database) -> None:
    """As after a crash between the two, or when a person has built it."""
    database.other.run(BY_N)
    [[built]] = database.other.run("SELECT 'ledger.notes_by_n'::regclass::oid")
    assert database.migrate(TABLE, INDEX) == ["0002_index.sql"]
    assert database.other.run("SELECT 'ledger.notes_by_n'::regclass::oid") == [[built]]


def test_a_build_that_fails_leaves_no_index_that_writes_pay_for(database: Database) -> None:
    database.other.run("INSERT INTO ledger.notes VALUES (1, 'the same n again')")
    with pytest.raises(MigrationRefused, match=r"^0002_index\.sql: CREATE UNIQUE .*\(23505\)$"):
        database.migrate(TABLE, outside(BY_N, UNIQUE))
    assert database.is_valid("notes_n") is None
    assert database.recorded() == ["0001_table.sql"]
    database.other.run("DELETE FROM ledger.notes WHERE t <> 'a'")
    assert database.migrate(TABLE, outside(BY_N, UNIQUE)) == ["0002_index.sql"]


def test_a_build_for_which_the_time_is_too_short_says_what_to_do(database: Database) -> None:
    database.other.run("START TRANSACTION")
    database.other.run("INSERT INTO ledger.notes VALUES (2, 'b')")  # the build waits for it
    with pytest.raises(MigrationRefused, match=r"1 s of the function's time were left.* by hand"):
        database.migrate(TABLE, INDEX, run_outside=database.with_seconds_left(1))
    database.other.run("COMMIT")
    assert database.recorded() == ["0001_table.sql"]
    assert database.migrate(TABLE, INDEX) == ["0002_index.sql"]


def test_an_index_that_another_session_builds_is_left_to_it(database: Database) -> None:
    """As after a crash of the function, whose statement goes on in the server."""
    with database.building(INDEX) as first:
        with pytest.raises(StatementRefused, match=r"notes_by_n is being built by the session \d+"):
            database.run_outside([BY_N])
        assert not first.done()
    assert first.result() == ["0002_index.sql"]


def test_another_relation_of_that_name_is_not_taken_for_the_index(database: Database) -> None:
    database.other.run("CREATE TABLE ledger.others (n int)")
    database.other.run("CREATE INDEX notes_by_n ON ledger.others (n)")
    with pytest.raises(MigrationRefused, match="exists, but is not a valid index of this table"):
        database.migrate(TABLE, INDEX)


def test_without_the_marker_the_server_refuses_it(database: Database) -> None:
    plain = Migration(name="0002_index.sql", sql=BY_N)
    with pytest.raises(MigrationRefused, match="cannot run inside a transaction block"):
        database.migrate(TABLE, plain)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (f"-- no transaction:  \n{BY_N};", "write the reason after"),
        ("-- no transaction: x\nCREATE INDEX CONCURRENTLY i ON ledger.t (n);", "can be repeated"),
        ("-- no transaction: x\nDROP INDEX CONCURRENTLY ledger.i;", "can be repeated"),
        (f"-- no transaction: x\n{BY_N};\nINSERT INTO ledger.t VALUES (1);", "a file of their own"),
    ],
)
def test_a_file_that_could_not_be_repeated_is_refused(sql: str, reason: str) -> None:
    with pytest.raises(MigrationRefused, match=rf"^0002_index\.sql: .*{reason}"):
        _ = Migration(name="0002_index.sql", sql=sql).outside


def test_comments_and_lines_are_as_in_other_files() -> None:
    create = "CREATE INDEX CONCURRENTLY IF NOT EXISTS i\n    ON ledger.t (n)\n WHERE s = 'a;b'"
    sql = f"-- no transaction: x\n\n-- Why; and how.\n{create};  -- so\n  -- more\n{BY_N}\n"
    assert Migration(name="0002_index.sql", sql=sql).outside == [create, BY_N]
    assert Migration(name="0002_index.sql", sql=f"-- About it.\n{BY_N};").outside is None
