"""The PostgreSQL server: version, TLS, and a standby with all commits."""

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pg8000.dbapi
import psutil
import pytest

from local_cloud.addresses import free_port
from local_cloud.certificates import LocalAuthority
from local_cloud.postgres import PostgresError, PostgresServer


def connect(server: PostgresServer, *, roots: Path) -> Any:
    context = ssl.create_default_context(cafile=str(roots))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return pg8000.dbapi.connect(
        user=server.superuser,
        password=server.password,
        host=server.address,
        port=server.port,
        database="postgres",
        ssl_context=context,
        timeout=60,
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return LocalAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def writer(tmp_path: Path, authority: LocalAuthority) -> Iterator[PostgresServer]:
    server = make(tmp_path / "with space" / "writer", authority)
    server.initialize()
    server.start()
    yield server
    server.stop()


def make(data_dir: Path, authority: LocalAuthority) -> PostgresServer:
    return PostgresServer(
        data_dir=data_dir,
        address="127.0.0.1",
        port=free_port(),
        password="a 'quoted' secret",
        certificate=authority.issue(name=data_dir.name, addresses=["127.0.0.1"]),
        settings={"fsync": "off"},
    )


def test_clients_verify_the_server_by_the_authority_and_refuse_another(
    writer: PostgresServer, authority: LocalAuthority, tmp_path: Path
) -> None:
    """S63: verify-full as with Amazon's roots; S20: the version of Aurora."""
    connection = connect(writer, roots=authority.certificate_file)
    cursor = connection.cursor()
    cursor.execute("SHOW server_version")
    assert cursor.fetchone()[0] == "15.8"
    connection.close()
    other = LocalAuthority(tmp_path / "other")
    with pytest.raises((ssl.SSLError, pg8000.dbapi.InterfaceError)):
        connect(writer, roots=other.certificate_file)


def test_plain_text_connections_are_refused(writer: PostgresServer) -> None:
    """S20: as rds.force_ssl does on AWS."""
    with pytest.raises(pg8000.dbapi.DatabaseError):
        pg8000.dbapi.connect(
            user=writer.superuser,
            password=writer.password,
            host=writer.address,
            port=writer.port,
            ssl_context=False,
            timeout=60,
        )


def test_a_promoted_standby_has_what_the_writer_committed(
    writer: PostgresServer, authority: LocalAuthority, tmp_path: Path
) -> None:
    standby = make(tmp_path / "standby", authority)
    with pytest.raises(PostgresError, match="stop the writer"):
        writer.make_standby(standby)
    writer.stop()
    writer.make_standby(standby)
    writer.start()
    standby.start()
    connection = connect(writer, roots=authority.certificate_file)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
    cursor.execute("SELECT pg_reload_conf()")
    until_in_sync(cursor)
    cursor.execute("CREATE TABLE kept (n int)")
    cursor.execute("INSERT INTO kept VALUES (7)")
    connection.close()
    writer.stop()
    try:
        standby.promote()
        survivor = connect(standby, roots=authority.certificate_file)
        cursor = survivor.cursor()
        cursor.execute("SELECT n FROM kept")
        assert cursor.fetchone()[0] == 7
        survivor.close()
    finally:
        standby.stop()


def until_in_sync(cursor: Any) -> None:
    """Until commits wait for the standby: the setting is read some time after the request."""
    while True:
        cursor.execute("SELECT sync_state FROM pg_stat_replication")
        if cursor.fetchall() == (["sync"],):
            break
        time.sleep(0.02)
    # The checkpointer publishes the setting to the sessions: after its answer all of them wait.
    cursor.execute("CHECKPOINT")


def test_a_second_cluster_in_the_same_folder_is_refused(writer: PostgresServer) -> None:
    with pytest.raises(PostgresError, match="already holds"):
        writer.initialize()


def test_a_taken_port_is_reported_with_the_servers_own_message(
    writer: PostgresServer, authority: LocalAuthority, tmp_path: Path
) -> None:
    other = make(tmp_path / "other", authority)
    other.port = writer.port
    other.initialize()
    with pytest.raises(PostgresError, match="Address already in use"):
        other.start()


def test_a_server_is_fenced_where_nobody_may_read_its_working_folder(
    writer: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for root with the capabilities of a build container, when PostgreSQL is another user."""

    def refuse(process: psutil.Process) -> str:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "cwd", refuse)
    assert writer.process is not None
    family = psutil.Process(writer.process.pid).children(recursive=True)
    writer.fence()
    assert writer.has_died
    assert not any(process.is_running() for process in family)
