"""Connections to the current writer, and retries that outlast a failover.

Both the writer and the reader endpoint are tried, because after a failover the writer's DNS name
still points to the old host for 15 to 20 s. asyncpg accepts several hosts too, but with one timeout
for all: a host that drops packets would use it up before the next host is tried.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from app_service.database.session_settings import session_settings
from app_service.database.sql_states import LOST_RACE, is_unavailable
from app_service.ledger.domain import DatabaseUnavailable

if TYPE_CHECKING:
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
    _AsyncpgConnection = asyncpg.Connection[asyncpg.Record]
else:  # generic to the type checker only
    Connection = asyncpg.pool.PoolConnectionProxy
    Pool = asyncpg.Pool
    _AsyncpgConnection = asyncpg.Connection

CONNECT_TIMEOUT_SECONDS = 2.0
COMMAND_TIMEOUT_SECONDS = 5.0
CLOSE_TIMEOUT_SECONDS = 5.0
_PAUSE_FIRST_SECONDS = 0.02
_PAUSE_MAX_SECONDS = 1.0
_T = TypeVar("_T")

logger = logging.getLogger(__name__)

# Errors of the connection itself; those of the server are asyncpg.PostgresError.
_CONNECTION_ERRORS = (
    OSError,  # with TimeoutError, ConnectionError and ssl.SSLError
    asyncpg.InternalClientError,
)


class NoWriterError(ConnectionError):
    """No host accepts a connection that may write."""


class LedgerConnection(_AsyncpgConnection):
    """Keeps no session state, so that releasing it to the pool costs no round trip."""

    def get_reset_query(self) -> str:
        return ""


async def open_pool(
    *,
    hosts: Sequence[str],
    port: int,
    database: str,
    user: str,
    password: str,
    tls: ssl.SSLContext | None,
    size: int,
) -> Pool:
    """A pool that connects at first use, so that a task can start during a failover."""

    async def connect(_dsn: None, **options: Any) -> Any:
        return await connect_writer(hosts, connect=asyncpg.connect, **options)

    callback: Any = connect
    return await asyncpg.create_pool(
        connect=callback,
        port=port,
        database=database,
        user=user,
        password=password,
        ssl=tls if tls is not None else False,
        min_size=0,
        max_size=size,
        connection_class=LedgerConnection,
        command_timeout=COMMAND_TIMEOUT_SECONDS,
        server_settings={
            "application_name": "app_service",
            **session_settings(statement_timeout_seconds=COMMAND_TIMEOUT_SECONDS),
        },
    )


async def connect_writer(
    hosts: Sequence[str],
    *,
    connect: Callable[..., Awaitable[Any]],
    timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
    **options: Any,
) -> Any:
    """A connection to the first host that may write; each gets at most `timeout_seconds`.

    Raises NoWriterError if there is none.
    """
    failures: list[Exception] = []
    for host in hosts:
        try:
            return await connect(
                host=host,
                timeout=timeout_seconds,
                target_session_attrs="read-write",
                **options,
            )
        except (*_CONNECTION_ERRORS, asyncpg.PostgresError) as error:
            failures.append(error)
    reasons = ", ".join(
        f"{host}: {type(error).__name__}" for host, error in zip(hosts, failures, strict=True)
    )
    raise NoWriterError(f"no host may write ({reasons})") from failures[0]


async def close_pool(pool: Pool, timeout_seconds: float = CLOSE_TIMEOUT_SECONDS) -> None:
    """Close the connections; terminate those that do not close in time."""
    try:
        await asyncio.wait_for(pool.close(), timeout_seconds)
    except TimeoutError:
        logger.warning("connections terminated, they did not close in time")
        pool.terminate()


class Database:
    """Runs work on a pooled connection, until a deadline in the loop's time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run(self, work: Callable[[Connection], Awaitable[_T]], *, deadline: float) -> _T:
        """The result of `work`, which must be safe to repeat even if its outcome is unknown.

        Repeats it after transient errors. Raises DatabaseUnavailable when the time is over; other
        errors of `work` are raised unchanged.
        """
        clock = asyncio.get_running_loop().time
        pause_max = _PAUSE_FIRST_SECONDS
        while True:
            try:
                return await self._attempt(work, deadline)
            except Exception as error:
                if not _is_transient(error):
                    raise
                pause = random.uniform(pause_max / 2, pause_max)  # nosec B311 # jitter
                if clock() + pause >= deadline:
                    raise _unavailable(error) from error
            await asyncio.sleep(pause)
            pause_max = min(2 * pause_max, _PAUSE_MAX_SECONDS)

    async def run_once(self, work: Callable[[Connection], Awaitable[_T]], *, deadline: float) -> _T:
        """As `run`, without a repetition, for callers that repeat it themselves."""
        try:
            return await self._attempt(work, deadline)
        except Exception as error:
            if _is_transient(error):
                raise _unavailable(error) from error
            raise

    async def _attempt(self, work: Callable[[Connection], Awaitable[_T]], deadline: float) -> _T:
        async with asyncio.timeout_at(deadline):
            connection = await self._pool.acquire()
        # At the deadline every command fails at once, and the release does not wait for the server.
        # A cancelled command would wait for the server, and would make visible a commit that waits
        # for the standby.
        end = asyncio.get_running_loop().call_at(deadline, _terminate, connection)
        try:
            return await work(connection)
        except Exception as error:
            if _is_unavailable(error):
                # Do not use it again: it may hang, or its host may no longer be the writer.
                _terminate(connection)
            raise
        except asyncio.CancelledError:
            _terminate(connection)  # a command may run; its release would wait for the server
            raise
        finally:
            end.cancel()
            await self._pool.release(connection)


def _terminate(connection: Connection) -> None:
    with suppress(asyncpg.InterfaceError):  # terminated before
        connection.terminate()


def _unavailable(error: Exception) -> DatabaseUnavailable:
    logger.warning("database unavailable", extra={"reason": _reason(error)})
    return DatabaseUnavailable()


def _is_transient(error: Exception) -> bool:
    """True if the same work may succeed when it is repeated."""
    if isinstance(error, ValueError):  # arguments that cannot be encoded: an error of this service
        return False
    is_closed = isinstance(error, asyncpg.InterfaceError)
    return is_closed or _is_unavailable(error) or _sql_state(error) in LOST_RACE


def _is_unavailable(error: Exception) -> bool:
    """The connection or its server is failing or gone; the work may or may not have happened."""
    return isinstance(error, _CONNECTION_ERRORS) or is_unavailable(_sql_state(error))


def _sql_state(error: Exception) -> str:
    """Empty if the error does not come from the server."""
    return getattr(error, "sqlstate", None) or ""


def _reason(error: Exception) -> str:
    """The name of the error without its text, which may quote data."""
    return f"{type(error).__name__} {_sql_state(error)}".rstrip()
