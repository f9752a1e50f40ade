"""A superuser's session at a database server, for the emulator itself."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pg8000.dbapi

from local_cloud.postgres import PostgresServer

Execute = Callable[[str], list[Any]]

_TIMEOUT_SECONDS = 30


@contextlib.contextmanager
def superuser(server: PostgresServer) -> Iterator[Execute]:
    """Yields a function that executes one statement in its own transaction and returns the rows."""
    connection = pg8000.dbapi.connect(
        user=server.superuser,
        password=server.password,
        host=server.address,
        port=server.port,
        database="postgres",
        ssl_context=True,
        timeout=_TIMEOUT_SECONDS,
    )
    connection.autocommit = True

    def execute(statement: str) -> list[Any]:
        cursor = connection.cursor()
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []

    try:
        yield execute
    finally:
        with contextlib.suppress(pg8000.dbapi.Error, OSError):
            connection.close()
