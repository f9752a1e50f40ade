"""Files whose statements run outside of a transaction: indexes that are built while others write.

A build that fails leaves an invalid index: no query uses it, every write pays for it, and if it is
unique it refuses writes. It is dropped at once or, if that fails too, before the next attempt.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from lambda_src.shared.database import BROKEN_CONNECTION, close_quietly, explain, sqlstate

# Of the function's time, for what comes after a build: dropping what is left of it, recording it.
RESERVED_SECONDS = 40.0
_DROP_SECONDS = 20
_MARKER = re.compile(r"--[ \t]*no transaction:(?P<reason>.*)")
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_END = re.compile(r";[ \t]*(?:--.*)?$", re.MULTILINE)
_CREATE = re.compile(
    r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+IF\s+NOT\s+EXISTS\s+(?P<index>[a-z0-9_]+)\s+"
    r"ON\s+(?P<schema>[a-z0-9_]+)\.(?P<table>[a-z0-9_]+)\s.*",
    re.DOTALL,
)
_DROP = re.compile(r"DROP\s+INDEX\s+CONCURRENTLY\s+IF\s+EXISTS\s+[a-z0-9_]+\.[a-z0-9_]+")
_QUERY_CANCELED = "57014"

_BUILDER_SQL = """
SELECT pid FROM pg_stat_progress_create_index
 WHERE index_relid = to_regclass(CAST(:index AS text))
"""
_VALID_SQL = """
SELECT indisvalid FROM pg_index
 WHERE indexrelid = to_regclass(CAST(:index AS text))
   AND indrelid = to_regclass(CAST(:table AS text))
"""

RunOutside = Callable[[Sequence[str]], None]


class StatementRefused(Exception):
    """The statement in the message was not run, or not to its end. It can be repeated."""


def statements_outside(sql: str) -> list[str] | None:
    """The statements of a file that begins with `-- no transaction: <reason>`; None for others.

    Each ends with a semicolon at the end of a line. Raises StatementRefused.
    """
    first, _, rest = sql.partition("\n")
    marker = _MARKER.fullmatch(first.rstrip())
    if marker is None:
        return None
    if not marker["reason"].strip():
        raise StatementRefused("line 1: write the reason after `-- no transaction:`")
    parts = (part.strip() for part in _END.split(_COMMENT.sub("", rest)))
    statements = [part for part in parts if part]
    for statement in statements:
        if not (_CREATE.fullmatch(statement) or _DROP.fullmatch(statement)):
            raise StatementRefused(
                f"{_shown(statement)}: without a transaction only statements run that can be "
                "repeated: CREATE [UNIQUE] INDEX CONCURRENTLY IF NOT EXISTS <index> ON "
                "<schema>.<table> ..., and DROP INDEX CONCURRENTLY IF EXISTS <schema>.<index>; "
                "put other statements into a file of their own"
            )
    return statements


def run_outside(
    statements: Sequence[str],
    *,
    connect: Callable[[float], Connection],
    seconds_left: Callable[[], float],
) -> None:
    """Run each; safe to repeat, whatever came of the attempt before.

    `connect` opens a session whose statements may take so many seconds. Raises StatementRefused.
    """
    for statement in statements:
        seconds = max(seconds_left() - RESERVED_SECONDS, 1.0)
        connection = connect(seconds)
        try:
            _run(connection, statement)
        except DatabaseError as error:
            raise StatementRefused(_explain(statement, error, seconds)) from error
        finally:
            close_quietly(connection)


def _run(connection: Connection, statement: str) -> None:
    found = _CREATE.fullmatch(statement)
    if found is None:
        connection.run(statement)
        return
    index = f"{found['schema']}.{found['index']}"
    _check_nobody_builds(connection, index)
    valid_of_table = {"index": index, "table": f"{found['schema']}.{found['table']}"}
    if connection.run(_VALID_SQL, **valid_of_table) == [[False]]:
        connection.run(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")
    try:
        connection.run(statement)
    except DatabaseError:
        _drop_what_is_left(connection, index)
        raise
    if connection.run(_VALID_SQL, **valid_of_table) != [[True]]:
        raise StatementRefused(
            f"{_shown(statement)}: {index} exists, but is not a valid index of this table; "
            "rename or drop it"
        )


def _check_nobody_builds(connection: Connection, index: str) -> None:
    """Dropping the unfinished index of another session would wait for it, and undo its work."""
    for (pid,) in connection.run(_BUILDER_SQL, index=index):
        raise StatementRefused(
            f"{index} is being built by the session {pid}; deploy again when it has ended"
        )


def _drop_what_is_left(connection: Connection, index: str) -> None:
    with suppress(DatabaseError, *BROKEN_CONNECTION):
        connection.run(f"SET statement_timeout = '{_DROP_SECONDS}s'")
        connection.run(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")


def _explain(statement: str, error: DatabaseError, seconds: float) -> str:
    text = f"{_shown(statement)}: {explain(error)}"
    if sqlstate(error) != _QUERY_CANCELED:
        return text
    return (
        f"{text}; {seconds:.0f} s of the function's time were left for it. Run the same statement "
        "by hand, which has no such limit, and deploy again: "
        "docs/decisions/schema-before-service.md"
    )


def _shown(statement: str) -> str:
    """Its first line."""
    return statement.partition("\n")[0]
