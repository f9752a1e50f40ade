"""One migrator works at a time, and no other role can keep it from working."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from lambda_src.shared.database import BROKEN_CONNECTION, sqlstate

WAIT_FOR_OTHERS = "60s"
# Each role may take any advisory lock; to this table only its owner has rights. The mode excludes
# itself and lets others read.
_LOCK = "LOCK TABLE ledger.schema_migrations IN SHARE ROW EXCLUSIVE MODE"
_LOCK_NOT_AVAILABLE = "55P03"
# While a migration waits for a table, later statements wait behind it: give up soon.
_TABLE_LOCK_TIMEOUT = "10s"


class AnotherMigrator(Exception):
    """Another migrator works; the message says how long this one has waited for it."""


@contextmanager
def locked(connection: Connection, *, wait_for_others: str = WAIT_FOR_OTHERS) -> Iterator[None]:
    """A transaction in which no other migrator works; an error rolls it back.

    Raises AnotherMigrator after `wait_for_others`.
    """
    connection.run("START TRANSACTION")
    try:
        _take(connection, wait_for_others)
        yield
        connection.run("COMMIT")
    except BaseException:
        with suppress(*BROKEN_CONNECTION):
            connection.run("ROLLBACK")
        raise


def _take(connection: Connection, wait: str) -> None:
    _limit_waits(connection, wait)
    try:
        connection.run(_LOCK)
    except DatabaseError as error:
        if sqlstate(error) != _LOCK_NOT_AVAILABLE:
            raise
        raise AnotherMigrator(f"another migrator works for longer than {wait}") from error
    _limit_waits(connection, _TABLE_LOCK_TIMEOUT)


def _limit_waits(connection: Connection, timeout: str) -> None:
    connection.run("SELECT set_config('lock_timeout', :timeout, true)", timeout=timeout)
