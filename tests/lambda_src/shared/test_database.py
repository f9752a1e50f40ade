"""S63, S65: connections only to a host with a valid certificate that accepts writes."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError, InterfaceError

from lambda_src.shared import database
from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import (
    ASSET_ROOT,
    CredentialsRefused,
    DatabaseUnavailable,
    close_quietly,
    connect_to_writer,
    connect_with_secret,
    sqlstate,
)
from tests.app_service.database.hostile_settings import HOSTILE_SETTINGS
from tests.lambda_src.cluster import MASTER, NOBODY, STANDBY, UNNAMED, WRITER, Cluster
from tests.patience import PATIENCE_SECONDS


def server_address(connection: Any) -> str:
    [[address]] = connection.run("SELECT host(inet_server_addr())")
    return str(address)


def test_s63_the_session_is_encrypted(cluster: Cluster) -> None:
    rows = cluster.master.run("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    assert rows == [[True]]


def test_a_call_in_several_parts_does_not_wait_for_the_servers_acknowledgement(
    cluster: Cluster,
) -> None:
    assert cluster.master._usock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_s63_a_certificate_of_another_authority_is_refused(cluster: Cluster) -> None:
    target = replace(cluster.target(), ca_file=str(cluster.other_ca_file))
    with pytest.raises(DatabaseUnavailable, match="certificate verify failed"):
        connect_to_writer(target, MASTER)


def test_s63_a_certificate_for_another_host_is_refused(cluster: Cluster) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"not valid for '127\.0\.0\.4'"):
        connect_to_writer(cluster.target(hosts=(UNNAMED,)), MASTER)


def test_s63_every_python_verifies_as_strictly_as_the_deployed_one(cluster: Cluster) -> None:
    """Strict verification is the default from 3.13 on; older versions must use it, too."""
    assert database._trust_only(str(cluster.ca_file)).verify_flags & ssl.VERIFY_X509_STRICT


def test_s63_a_server_without_tls_is_refused_before_the_password_leaves(cluster: Cluster) -> None:
    with peer_answering(b"N") as port, pytest.raises(DatabaseUnavailable, match="not offer TLS"):
        connect_to_writer(replace(cluster.target(), port=port), MASTER)


def test_a_missing_root_certificate_is_named() -> None:
    target = Cluster(port=1, ca_file=Path("trust/none.pem"), other_ca_file=Path()).target()
    with pytest.raises(FileNotFoundError, match=str(ASSET_ROOT / "trust" / "none.pem")):
        connect_to_writer(target, MASTER)


def test_s32_commits_are_synchronous_whatever_the_database_is_set_to(
    cluster: Cluster, empty_database: str
) -> None:
    """S32: without it, a kill of the server lost acknowledged transactions."""
    cluster.master.run(f"ALTER DATABASE {empty_database} SET synchronous_commit = off")
    with cluster.session(empty_database) as session:
        assert session.run("SHOW synchronous_commit") == [["on"]]


def test_s65_the_standby_is_skipped(cluster: Cluster) -> None:
    found = connect_to_writer(cluster.target(hosts=(STANDBY, WRITER)), MASTER)
    assert server_address(found) == WRITER
    found.close()


def test_s65_a_dead_host_is_skipped(cluster: Cluster) -> None:
    found = connect_to_writer(cluster.target(hosts=(NOBODY, WRITER)), MASTER)
    assert server_address(found) == WRITER
    found.close()


def test_s65_a_silent_host_is_skipped(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_CONNECT_TIMEOUT_SECONDS", 0.1)
    with peer_answering(b"") as port, pytest.raises(DatabaseUnavailable, match="timed out"):
        connect_to_writer(replace(cluster.target(), port=port), MASTER)


def test_without_a_writer_the_error_says_why_for_each_host(cluster: Cluster) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.2: read-only; 127\.0\.0\.3: .*"):
        connect_to_writer(cluster.target(hosts=(STANDBY, NOBODY)), MASTER)


def test_a_session_that_cannot_write_is_closed(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    really_open = database._open

    def open_and_tell(*arguments: Any) -> Any:
        opened.append(really_open(*arguments))
        return opened[-1]

    monkeypatch.setattr(database, "_open", open_and_tell)
    with pytest.raises(DatabaseUnavailable):
        connect_to_writer(cluster.target(hosts=(STANDBY,)), MASTER)
    [session] = opened
    with pytest.raises(InterfaceError, match="closed"):
        session.run("SELECT 1")


def test_an_unknown_database_is_explained(cluster: Cluster) -> None:
    with pytest.raises(DatabaseUnavailable, match=r'database "nowhere" does not exist \(3D000\)'):
        connect_to_writer(cluster.target("nowhere"), MASTER)


def test_a_refused_password_has_its_own_error(cluster: Cluster) -> None:
    with pytest.raises(CredentialsRefused, match="28P01"):
        connect_to_writer(cluster.target(), Credentials(username="postgres", password="wrong"))


def test_a_statement_that_takes_too_long_is_ended_by_the_server(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_SERVER_SPEAKS_FIRST_SECONDS", PATIENCE_SECONDS)
    target = replace(cluster.target(), statement_timeout_seconds=1)  # for the others, too
    connection = connect_to_writer(target, MASTER)
    with pytest.raises(DatabaseError) as ended:
        connection.run("SELECT pg_sleep(60)")
    assert sqlstate(ended.value) == "57014"
    connection.close()


def test_a_broken_connection_can_be_closed(cluster: Cluster) -> None:
    connection = connect_to_writer(cluster.target(), MASTER)
    connection.close()
    close_quietly(connection)
    with pytest.raises(InterfaceError, match="closed"):
        connection.run("SELECT 1")


class Secret:
    """Returns the first password, and the next one after each `forget`."""

    def __init__(self, *passwords: str) -> None:
        self._passwords = list(passwords)

    def credentials(self) -> Credentials:
        return Credentials(username="u", password=self._passwords[0])

    def forget(self) -> None:
        self._passwords.pop(0)


def connect_knowing(password: str) -> Any:
    def connect(credentials: Credentials) -> str:
        if credentials.password != password:
            raise CredentialsRefused(credentials.username)
        return "connected"

    return connect


def test_a_rotated_password_is_fetched_again_once() -> None:
    secret: Any = Secret("old", "new")
    assert connect_with_secret(connect_knowing("new"), secret) == "connected"
    with pytest.raises(CredentialsRefused):
        connect_with_secret(connect_knowing("third"), Secret("old", "new", "third"))  # type: ignore[arg-type]


@contextmanager
def peer_answering(reply: bytes) -> Iterator[int]:
    """A server that answers the first bytes with `reply` and then sends nothing."""
    done = threading.Event()
    with socket.create_server((WRITER, 0)) as listener:

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(100)
                peer.sendall(reply)
                done.wait()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize("name", HOSTILE_SETTINGS)
def test_a_setting_that_a_role_has_stored_for_itself_has_no_effect(
    cluster: Cluster, name: str
) -> None:
    """One such as `default_transaction_read_only` would be an outage that lasts."""
    clerk = Credentials(username="clerk", password="clerk")
    cluster.master.run("CREATE ROLE clerk LOGIN PASSWORD 'clerk'")
    try:
        before = settings_of(cluster, clerk)
        cluster.master.run(f"ALTER ROLE clerk SET {name} = '{HOSTILE_SETTINGS[name]}'")
        assert settings_of(cluster, clerk) == before
    finally:
        cluster.master.run("DROP ROLE clerk")


def settings_of(cluster: Cluster, credentials: Credentials) -> dict[str, str]:
    connection = connect_to_writer(cluster.target(), credentials)
    rows = connection.run("SELECT name, setting FROM pg_settings")
    connection.close()
    return {name: value for name, value in rows if name in HOSTILE_SETTINGS}
