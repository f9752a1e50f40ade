"""A verified connection to a database host: to the one that accepts writes, or to any."""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection

from app_service.database.session_settings import session_settings
from lambda_src.shared.credentials import Credentials, DatabaseSecret

ASSET_ROOT = Path(__file__).resolve().parents[2]  # in a checkout, its root

# Errors of pg8000 for a broken or silent connection; errors of PostgreSQL are DatabaseErrors.
BROKEN_CONNECTION = (InterfaceError, OSError)

_CONNECT_TIMEOUT_SECONDS = 2.0
_SERVER_SPEAKS_FIRST_SECONDS = 2.0
_SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # length 8, code 80877103
_CREDENTIALS_REFUSED = frozenset({"28P01", "28000"})


class DatabaseUnavailable(Exception):
    """No host accepts such a session; the message gives the reason of each host."""


class CredentialsRefused(DatabaseUnavailable):
    """The database answered and refused this user or password."""


@dataclass(frozen=True, kw_only=True)
class DatabaseTarget:
    """Address of the database, and the CA that its clients trust.

    `hosts` are tried in order: after a failover the reader's name may point to the new writer
    before the writer's name does. `ca_file` is absolute, or relative to the asset's root.
    """

    hosts: tuple[str, ...]
    port: int
    name: str
    ca_file: str
    application_name: str
    statement_timeout_seconds: float


def connect_with_secret(
    connect: Callable[[Credentials], Connection], secret: DatabaseSecret
) -> Connection:
    """Connect; if the password was rotated since it was fetched, fetch it again, once.

    Raises DatabaseUnavailable (also its subclass CredentialsRefused) or SecretUnreadable.
    """
    try:
        return connect(secret.credentials())
    except CredentialsRefused:
        secret.forget()
        return connect(secret.credentials())


def connect_to_writer(target: DatabaseTarget, credentials: Credentials) -> Connection:
    """A session on the first host that accepts writes, over TLS with certificate and name verified.

    The caller does not wait long for a host that does not answer or a connection that breaks later.
    Raises DatabaseUnavailable, or CredentialsRefused at the first host that refuses them.
    """
    return _connect_to_first(target, credentials, _open_for_writing, needed="writes")


def connect_to_any(target: DatabaseTarget, credentials: Credentials) -> Connection:
    """As `connect_to_writer`, but a standby will do."""
    return _connect_to_first(target, credentials, _open, needed="sessions")


def close_quietly(connection: Connection) -> None:
    """Close a connection that may be broken."""
    with suppress(*BROKEN_CONNECTION):
        connection.close()


def sqlstate(error: DatabaseError) -> str:
    """PostgreSQL's five-character code, such as 40001."""
    return str(error.args[0]["C"])


def explain(error: DatabaseError) -> str:
    return f"{error.args[0]['M']} ({sqlstate(error)})"


def _trust_only(ca_file: str) -> ssl.SSLContext:
    path = ASSET_ROOT / ca_file  # joining keeps an absolute path unchanged
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; it must hold the database's root as PEM")
    context = ssl.create_default_context(cafile=path)
    # The default from Python 3.13 on; set here so that older versions verify in the same way.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


_Open = Callable[[str, DatabaseTarget, Credentials, ssl.SSLContext], Connection]


def _connect_to_first(
    target: DatabaseTarget, credentials: Credentials, open_session: _Open, *, needed: str
) -> Connection:
    trust = _trust_only(target.ca_file)
    refusals = []
    for host in target.hosts:
        try:
            return open_session(host, target, credentials, trust)
        except DatabaseError as error:
            if sqlstate(error) in _CREDENTIALS_REFUSED:
                raise CredentialsRefused(f"{host}: {explain(error)}") from error
            refusals.append(f"{host}: {explain(error)}")
        except BROKEN_CONNECTION as error:
            refusals.append(f"{host}: {error}")
    raise DatabaseUnavailable(f"no host accepts {needed}: {'; '.join(refusals)}")


def _open_for_writing(
    host: str, target: DatabaseTarget, credentials: Credentials, trust: ssl.SSLContext
) -> Connection:
    connection = _open(host, target, credentials, trust)
    try:
        if connection.run("SHOW transaction_read_only") != [["off"]]:
            raise ConnectionError("read-only")
    except (DatabaseError, *BROKEN_CONNECTION):
        close_quietly(connection)
        raise
    return connection


def _open(
    host: str, target: DatabaseTarget, credentials: Credentials, trust: ssl.SSLContext
) -> Connection:
    stream = _open_tls(host, target.port, trust)
    connection = Connection(
        credentials.username,
        host=host,
        database=target.name,
        password=credentials.password,
        sock=stream,
        ssl_context=False,  # the stream is encrypted already
        application_name=target.application_name,
        startup_params=session_settings(statement_timeout_seconds=target.statement_timeout_seconds),
    )
    stream.settimeout(target.statement_timeout_seconds + _SERVER_SPEAKS_FIRST_SECONDS)
    return connection


def _open_tls(host: str, port: int, trust: ssl.SSLContext) -> ssl.SSLSocket:
    """Without pg8000, which has a single timeout for connecting and for statements."""
    raw = socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_SECONDS)
    try:
        # pg8000 sends a call in several small parts: without this each call waits for the server's
        # delayed acknowledgement, 40 ms.
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A writer in a failed zone does not close its connections: detect that within seconds.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 5000)
        raw.sendall(_SSL_REQUEST)
        if raw.recv(1) != b"S":
            raise ConnectionError("does not offer TLS")
        return trust.wrap_socket(raw, server_hostname=host)
    except OSError:
        raw.close()
        raise
