"""Whether a PostgreSQL server that lives also answers.

Aurora replaces an instance whose process runs but does not respond. Here a server that did not
answer `FAILURES` questions in a row hangs. An error is an answer: a server that refuses a session
is not replaced. The death of the process is seen by `PostgresServer.has_died`.
"""

import contextlib
import logging
from typing import Final

import pg8000.dbapi

from local_cloud.postgres import PostgresServer

logger = logging.getLogger(__name__)

# Together less than the ten seconds that docs/recovery.md expects of Aurora.
ANSWER_TIMEOUT_SECONDS: Final = 2.0
FAILURES: Final = 3


class Pulse:
    """Asks one server over one session, which stays open. Call `ask` from one thread only."""

    def __init__(
        self, server: PostgresServer, *, answer_timeout_seconds: float = ANSWER_TIMEOUT_SECONDS
    ) -> None:
        self._server = server
        self._timeout_seconds = answer_timeout_seconds
        self._failures = 0
        self._connection: pg8000.dbapi.Connection | None = None

    @property
    def hangs(self) -> bool:
        return self._failures >= FAILURES

    def forget(self) -> None:
        """Call after the server's processes were ended: what was seen before is no longer true."""
        self._failures = 0

    def ask(self) -> None:
        """One question; takes at most the timeout."""
        if not self._server.is_alive:
            self.close()
            self._failures = 0
            return
        before = self._failures
        try:
            self._question()
        except (pg8000.dbapi.Error, OSError) as error:
            self.close()
            self._failures = before + 1 if _is_timeout(error) else 0
            if self._failures:
                logger.warning("database %s: no answer (%d)", self._server.address, self._failures)
        else:
            self._failures = 0

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(pg8000.dbapi.Error, OSError):
                connection.close()

    def _question(self) -> None:
        if self._connection is None:
            self._connection = pg8000.dbapi.connect(
                user=self._server.superuser,
                password=self._server.password,
                host=self._server.address,
                port=self._server.port,
                database="postgres",
                application_name="pulse",
                ssl_context=True,
                timeout=self._timeout_seconds,
            )
            self._connection.autocommit = True
        self._connection.cursor().execute("SELECT 1")


def _is_timeout(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, TimeoutError):
            return True
        error = error.__cause__ or error.__context__
    return False
