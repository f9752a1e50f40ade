"""Applies the migrations of this version to the database, in order and each once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from lambda_src.schema_migrator.lock import WAIT_FOR_OTHERS, locked
from lambda_src.schema_migrator.outside_transactions import (
    RunOutside,
    StatementRefused,
    statements_outside,
)
from lambda_src.shared.database import explain, sqlstate

_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_TABLE = """
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.schema_migrations (
    name       text        PRIMARY KEY,
    sha256     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""
# IF NOT EXISTS does not see what another migrator creates at this moment: it waits, and fails.
_CREATED_MEANWHILE = frozenset({"23505", "42P06", "42P07"})


class MigrationRefused(Exception):
    """The migration in the message and all later ones are not recorded as applied."""


@dataclass(frozen=True, kw_only=True)
class Migration:
    name: str
    sql: str

    @property
    def digest(self) -> str:
        return sha256(self.sql.encode()).hexdigest()

    @property
    def outside(self) -> list[str] | None:
        """The statements that run one by one, each without a transaction; None for most files.

        Raises MigrationRefused.
        """
        try:
            return statements_outside(self.sql)
        except StatementRefused as error:
            raise MigrationRefused(f"{self.name}: {error}") from error


def read_migrations(folder: Path) -> list[Migration]:
    """All `NNNN_name.sql` of `folder`, in order.

    Raises MigrationRefused if there is none, if a file has another name (it would be skipped or
    run at the wrong position), or if it cannot run as its first line says.
    """
    files = sorted(folder.glob("*.sql"))
    if not files:
        raise MigrationRefused(f"{folder} holds no .sql file")
    for file in files:
        if not _NAME.fullmatch(file.name):
            raise MigrationRefused(f"{file.name}: the name must be like 0001_lower_case.sql")
    migrations = [Migration(name=f.name, sql=f.read_bytes().decode()) for f in files]
    for migration in migrations:
        _ = migration.outside
    return migrations


def apply_migrations(
    connection: Connection,
    migrations: Sequence[Migration],
    *,
    run_outside: RunOutside,
    wait_for_others: str = WAIT_FOR_OTHERS,
) -> list[str]:
    """Apply the migrations that are not applied yet; each file and its record in one transaction.

    `run_outside` runs the statements of a file that must not be in one. It uses another session,
    while this one keeps other migrators away; the file is recorded when all of them have succeeded.
    Other migrators may work between two files.

    Returns the names applied by this call.
    Raises MigrationRefused, or AnotherMigrator after `wait_for_others`; files before the one that
    failed stay applied.
    """
    _create_table(connection)
    applied: list[str] = []
    while True:
        with locked(connection, wait_for_others=wait_for_others):
            rows = connection.run("SELECT name, sha256 FROM ledger.schema_migrations")
            pending = _pending(migrations, applied=dict(rows))
            if not pending:
                return applied
            if (statements := pending[0].outside) is None:
                _apply(connection, pending[0])
            else:
                _apply_outside(connection, pending[0], statements, run_outside)
        applied.append(pending[0].name)


def _create_table(connection: Connection) -> None:
    try:
        connection.run(_TABLE)
    except DatabaseError as error:
        if sqlstate(error) not in _CREATED_MEANWHILE:
            raise


def _pending(migrations: Sequence[Migration], *, applied: Mapping[str, str]) -> list[Migration]:
    """The migrations to apply. Applied files that are missing here belong to a newer version."""
    pending = []
    for migration in migrations:
        if migration.name not in applied:
            pending.append(migration)
        elif applied[migration.name] != migration.digest:
            raise MigrationRefused(
                f"{migration.name} was applied with SHA-256 {applied[migration.name]} and now has "
                f"{migration.digest}: restore the file and put the change in a new one"
            )
    newest = max(applied, default="")
    for migration in pending:
        if migration.name < newest:  # other databases would apply the two in another order
            raise MigrationRefused(
                f"{migration.name} comes before {newest}, which is applied: give it a later number"
            )
    return pending


def _apply(connection: Connection, migration: Migration) -> None:
    try:
        before = connection.run("SELECT pg_current_xact_id()::text")
        connection.run(migration.sql)
        if connection.run("SELECT pg_current_xact_id()::text") != before:
            raise MigrationRefused(
                f"{migration.name} ends its transaction: its changes up to that point are kept"
            )
        _record(connection, migration)
    except DatabaseError as error:
        where = f"{migration.name}{_line(migration.sql, error)}"
        raise MigrationRefused(f"{where}: {explain(error)}") from error


def _apply_outside(
    connection: Connection,
    migration: Migration,
    statements: Sequence[str],
    run_outside: RunOutside,
) -> None:
    # The transaction that keeps other migrators away is idle for as long as the statements take. It
    # has neither a snapshot nor a lock that they would wait for.
    connection.run("SET LOCAL idle_in_transaction_session_timeout = 0")
    try:
        run_outside(statements)
    except StatementRefused as error:
        raise MigrationRefused(f"{migration.name}: {error}") from error
    _record(connection, migration)


def _record(connection: Connection, migration: Migration) -> None:
    connection.run(
        "INSERT INTO ledger.schema_migrations (name, sha256) VALUES (:name, :digest)",
        name=migration.name,
        digest=migration.digest,
    )


def _line(sql: str, error: DatabaseError) -> str:
    """`:12` if PostgreSQL reports the position at which it stopped."""
    position = error.args[0].get("P")
    return f":{sql.count(chr(10), 0, int(position)) + 1}" if position else ""
