"""The health check of a PostgreSQL server that runs: whether it answers.

RDS replaces an instance that does not respond to health checks
(https://repost.aws/knowledge-center/rds-multi-az-failover-restart). Here a server fails that did
not answer `FAILURES` queries in a row, or that refuses every session for `REFUSAL_SECONDS`
because it is not ready: after a crash it recovers by itself, but not on a full disk. Any other
error is an answer. The death of the process is seen by `PostgresServer.has_died`.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from typing import Final

import pg8000.dbapi

from local_cloud.postgres import PostgresServer

logger = logging.getLogger(__name__)

# Together less than the ten seconds that docs/recovery.md expects of Aurora.
ANSWER_TIMEOUT_SECONDS: Final = 2.0
FAILURES: Final = 3
REFUSAL_SECONDS: Final = 6.0
_NOT_READY: Final = "57P03"  # it starts, recovers or shuts down


class HealthCheck:
    """Queries one server over one session, which stays open. Call `check` from one thread only."""

    def __init__(
        self,
        server: PostgresServer,
        *,
        answer_timeout_seconds: float = ANSWER_TIMEOUT_SECONDS,
        refusal_seconds: float = REFUSAL_SECONDS,
    ) -> None:
        self._server = server
        self._refusal_seconds = refusal_seconds
        self._refuses_since: float | None = None  # monotonic
        self._timeout_seconds = answer_timeout_seconds
        self._failures = 0
        self._resets = 0
        self._lock = threading.Lock()
        self._connection: pg8000.dbapi.Connection | None = None

    @property
    def fails(self) -> bool:
        since = self._refuses_since
        refuses = since is not None and time.monotonic() - since >= self._refusal_seconds
        return refuses or self._failures >= FAILURES

    def reset(self) -> None:
        """Call after the server was started or ended: what was seen before is no longer true."""
        with self._lock:
            self._resets += 1
            self._failures = 0
            self._refuses_since = None

    def check(self) -> None:
        """One query; takes at most the timeout."""
        resets = self._resets
        if not self._server.is_alive:
            self.close()
            self.reset()
            return
        try:
            self._query()
        except (pg8000.dbapi.Error, OSError) as error:
            self.close()
            logger.warning("database %s: %s", self._server.address, error or type(error).__name__)
            with self._lock:
                if resets == self._resets:  # else it is another server than the one that was asked
                    self._failures = self._failures + 1 if _is_timeout(error) else 0
                    since = self._refuses_since or time.monotonic()
                    self._refuses_since = since if _is_refusal(error) else None
        else:
            self._failures = 0
            self._refuses_since = None

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(pg8000.dbapi.Error, OSError):
                connection.close()

    def _query(self) -> None:
        if self._connection is None:
            self._connection = pg8000.dbapi.connect(
                user=self._server.superuser,
                password=self._server.password,
                host=self._server.address,
                port=self._server.port,
                database="postgres",
                application_name="health-check",
                ssl_context=True,
                timeout=self._timeout_seconds,
            )
            self._connection.autocommit = True
        self._connection.cursor().execute("SELECT 1")


def _is_timeout(error: BaseException) -> bool:
    return any(isinstance(cause, TimeoutError) for cause in _causes(error))


def _is_refusal(error: BaseException) -> bool:
    """The server is not ready for sessions, or does not listen although it lives."""
    if isinstance(error, pg8000.dbapi.DatabaseError) and isinstance(error.args[0], dict):
        return error.args[0].get("C") == _NOT_READY
    return any(isinstance(cause, ConnectionRefusedError) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
