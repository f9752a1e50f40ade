"""Applies the migrations of this version to the database, in order and each once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from lambda_src.shared.database import explain, sqlstate

_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_LOCK = 7_304_511_270_883_166  # any number that all migrators share
_LOCK_NOT_AVAILABLE = "55P03"
# While a migration waits for a table, later statements wait behind it: give up soon.
_TABLE_LOCK_TIMEOUT = "10s"


class MigrationRefused(Exception):
    """The migration in the message and all later ones are not recorded as applied."""


@dataclass(frozen=True, kw_only=True)
class Migration:
    name: str
    sql: str

    @property
    def digest(self) -> str:
        return sha256(self.sql.encode()).hexdigest()


def read_migrations(folder: Path) -> list[Migration]:
    """All `NNNN_name.sql` of `folder`, in order.

    Raises MigrationRefused if there is none, or if a file has another name: it would be skipped or
    run at the wrong position.
    """
    files = sorted(folder.glob("*.sql"))
    if not files:
        raise MigrationRefused(f"{folder} holds no .sql file")
    for file in files:
        if not _NAME.fullmatch(file.name):
            raise MigrationRefused(f"{file.name}: the name must be like 0001_lower_case.sql")
    return [Migration(name=f.name, sql=f.read_bytes().decode()) for f in files]


def apply_migrations(
    connection: Connection, migrations: Sequence[Migration], *, wait_for_others: str = "60s"
) -> list[str]:
    """Apply the migrations that are not applied yet; each file and its record in one transaction.

    Waits for other migrators for at most `wait_for_others`. Use a separate session and close it
    afterwards: it holds the lock until then.

    Returns the names applied by this call.
    Raises MigrationRefused; files before the named one stay applied.
    """
    _lock_out_others(connection, wait_for_others)
    connection.run(
        "CREATE SCHEMA IF NOT EXISTS ledger;"
        "CREATE TABLE IF NOT EXISTS ledger.schema_migrations ("
        " name text PRIMARY KEY,"
        " sha256 text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT now())"
    )
    rows = connection.run("SELECT name, sha256 FROM ledger.schema_migrations")
    pending = _pending(migrations, applied=dict(rows))
    for migration in pending:
        _apply(connection, migration)
    return [migration.name for migration in pending]


def _lock_out_others(connection: Connection, wait: str) -> None:
    connection.run("SELECT set_config('lock_timeout', :wait, false)", wait=wait)
    try:
        connection.run("SELECT pg_advisory_lock(:lock)", lock=_LOCK)
    except DatabaseError as error:
        if sqlstate(error) != _LOCK_NOT_AVAILABLE:
            raise
        raise MigrationRefused(f"another migrator holds the lock for longer than {wait}") from error
    connection.run("SELECT set_config('lock_timeout', :wait, false)", wait=_TABLE_LOCK_TIMEOUT)


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
    connection.run("START TRANSACTION")
    try:
        before = connection.run("SELECT pg_current_xact_id()::text")
        connection.run(migration.sql)
        if connection.run("SELECT pg_current_xact_id()::text") != before:
            raise MigrationRefused(
                f"{migration.name} ends its transaction: its changes up to that point are kept"
            )
        connection.run(
            "INSERT INTO ledger.schema_migrations (name, sha256) VALUES (:name, :digest)",
            name=migration.name,
            digest=migration.digest,
        )
        connection.run("COMMIT")
    except DatabaseError as error:
        connection.run("ROLLBACK")
        where = f"{migration.name}{_line(migration.sql, error)}"
        raise MigrationRefused(f"{where}: {explain(error)}") from error


def _line(sql: str, error: DatabaseError) -> str:
    """`:12` if PostgreSQL reports the position at which it stopped."""
    position = error.args[0].get("P")
    return f":{sql.count(chr(10), 0, int(position)) + 1}" if position else ""
