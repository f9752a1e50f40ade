"""The service as it is started: real settings, PostgreSQL over verified TLS, HTTPS, signals."""

import asyncio
import gc
import json
import logging
import os
import runpy
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app_service.__main__ import main, region_of, verifying_context
from app_service.api import deadlines
from app_service.database.database import NoWriterError, connect_writer
from app_service.environment_variables import SettingsError
from app_service.http_server.tls import self_signed
from app_service.settings import ServiceSettings
from local_cloud.certificates import LocalAuthority
from local_cloud.postgres import PostgresServer
from tests.app_service.build import document
from tests.app_service.conftest import migrate
from tests.app_service.fake_aws import (
    CLIENTS_TABLE,
    QUEUE_URL,
    TABLE,
    FakeQueue,
    FakeSessionsTable,
    aws_endpoint,
)
from tests.app_service.http_server.serving import Client
from tests.patience import PATIENCE_SECONDS

SECRETS = {
    "DATABASE_USER": "ledger_service",
    "DATABASE_PASSWORD": "pass word",
    "API_CLIENT_ID": "shop",
    "API_CLIENT_SECRET": "s3cret",
}
BASIC = ("shop", "s3cret")
AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@dataclass(frozen=True, kw_only=True)
class TlsDatabase:
    server: PostgresServer
    ca_file: Path


@pytest.fixture(scope="module")
def tls_database() -> Iterator[TlsDatabase]:
    """A migrated PostgreSQL that accepts ledger_service, over TLS only."""
    folder = Path(tempfile.mkdtemp(prefix="test-postgres-tls-"))
    authority = LocalAuthority(folder / "certificates")
    server = PostgresServer(
        data_dir=folder / "data",
        address="127.0.0.1",
        port=free_port(),
        password="test",
        certificate=authority.issue(name="writer", addresses=["127.0.0.1"]),
        settings={"fsync": "off", "log_min_messages": "fatal"},
    )

    async def prepare() -> None:
        await migrate(server.dsn)
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("ALTER ROLE ledger_service LOGIN PASSWORD 'pass word'")
        await connection.close()

    try:
        server.initialize()
        server.start()
        asyncio.run(prepare())
        yield TlsDatabase(server=server, ca_file=authority.certificate_file)
    finally:
        server.stop()
        shutil.rmtree(folder)


def environment_of(database: TlsDatabase) -> dict[str, str]:
    """The writer's name points to no host, as in a failover: the service uses the other one."""
    settings = ServiceSettings(
        environment_suffix="test",
        service_version="1.2.3",
        database_writer_host="127.66.6.6",
        database_reader_host=database.server.address,
        database_port=database.server.port,
        database_name="postgres",
        database_ca_file=str(database.ca_file),
        sessions_table_name=TABLE,
        api_clients_table_name=CLIENTS_TABLE,
        audit_queue_url=QUEUE_URL,
        bind_address="127.0.0.1",
        port=free_port(),
    )
    return settings.to_env() | SECRETS | AWS


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def client_of(environment: dict[str, str]) -> Iterator[httpx.Client]:
    """Waits until the service answers."""
    url = f"https://127.0.0.1:{environment['PORT']}"
    with httpx.Client(base_url=url, verify=False, timeout=PATIENCE_SECONDS) as client:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                client.get("/health/live").raise_for_status()
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the service did not start"
                time.sleep(0.02)
        yield client


@pytest.fixture
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def test_s32_from_start_to_a_graceful_end(
    tls_database: TlsDatabase,
    root_logger: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """S32, S63: after SIGTERM running requests finish, new ones are refused, the outbox is sent."""
    monkeypatch.setattr(deadlines, "REQUEST_SECONDS", PATIENCE_SECONDS)
    table, queue = FakeSessionsTable(), FakeQueue()
    environment = environment_of(tls_database)
    with aws_endpoint(table, queue) as endpoint, ThreadPoolExecutor(1) as executor:
        for name, value in (AWS | {"AWS_ENDPOINT_URL": endpoint}).items():
            monkeypatch.setenv(name, value)
        queue.refuses = lambda _body: True  # until the end: only the last pass can send
        user = executor.submit(_use_and_stop, environment, tls_database.server, queue)
        main(environment)
        user.result()
    posted = {t["transaction_id"] for m in queue.messages for t in m["transactions"]}
    assert len(posted) == 2, "the relay sends what was posted, up to the last answer"
    output = capsys.readouterr().out
    messages = [json.loads(line)["message"] for line in output.splitlines()]
    assert messages[-1] == "stopped"
    totals = [line for line in map(json.loads, output.splitlines()) if line["message"] == "totals"]
    assert sum(line["transactions_posted"] for line in totals) == 2, "up to the last answer"
    for secret in ("pass word", "s3cret", *table.items):
        assert secret not in output


def _use_and_stop(environment: dict[str, str], server: PostgresServer, queue: FakeQueue) -> None:
    """A client in another thread, which at the end stops the service of this process."""
    try:
        with client_of(environment) as client:
            _open_session(client)
            assert gc.get_freeze_count() > 10_000, "the garbage collector passes over the start"
            ready = client.get("/health/ready")
            assert (ready.status_code, ready.json()["missing"]) == (200, [])
            assert client.get("/version").json()["version"] == "1.2.3"
            for account, negative in ((1, True), (2, False)):
                new = {"account_id": account, "currency": "USD", "may_go_negative": negative}
                assert client.post("/accounts", json=new).status_code == 201
            first = document(amount_minor=5)
            assert client.post("/transactions", json=first).status_code == 201
            assert client.post("/transactions", json=first).status_code == 200
            port = int(environment["PORT"])
            asyncio.run(_stop_in_the_middle_of_a_posting(client, port, server, queue))
    except BaseException:
        os.kill(os.getpid(), signal.SIGTERM)  # or the test would wait forever
        raise


async def _stop_in_the_middle_of_a_posting(
    client: httpx.Client, port: int, server: PostgresServer, queue: FakeQueue
) -> None:
    """The account is locked when SIGTERM arrives: the request cannot finish before it."""
    admin = await asyncpg.connect(server.dsn)
    async with admin.transaction():
        await admin.execute("SELECT * FROM ledger.accounts WHERE account_id = 1 FOR UPDATE")
        running = asyncio.create_task(
            asyncio.to_thread(client.post, "/transactions", json=document(amount_minor=6))
        )
        await _until(lambda: _waits_for_lock(server))
        os.kill(os.getpid(), signal.SIGTERM)
        await _until(lambda: _refuses(port))
        assert not running.done()
        queue.refuses = lambda _body: False
    await admin.close()
    assert (await running).status_code == 201


def _open_session(client: httpx.Client) -> None:
    answer = client.post("/sessions", auth=BASIC, json={"user_id": "ada"})
    assert answer.status_code == 201
    client.headers["Authorization"] = f"Bearer {answer.json()['token']}"


async def _waits_for_lock(server: PostgresServer) -> bool:
    connection = await asyncpg.connect(server.dsn)
    try:
        return bool(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND usename = 'ledger_service'"
            )
        )
    finally:
        await connection.close()


async def _refuses(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def _until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - what is awaited is elsewhere
            await asyncio.sleep(0.01)


def test_the_process_reports_what_is_missing_and_exits_0_on_sigterm(
    tls_database: TlsDatabase,
) -> None:
    """S65: `python -m app_service` as the image runs it, with neither table, queue nor database."""
    environment = environment_of(tls_database) | {"DATABASE_READER_HOST": "127.66.6.6"}
    environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    process = subprocess.Popen(
        [sys.executable, "-m", "app_service"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        with client_of(environment) as client:
            answer = client.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json()["missing"] == ["database", "sessions", "clients", "audit_queue"]
        process.terminate()
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert all(json.loads(line)["level"] for line in output.splitlines())


def test_a_client_that_does_not_close_does_not_hold_the_end(tls_database: TlsDatabase) -> None:
    """It once held it for the 20 seconds that running requests get."""
    environment = environment_of(tls_database) | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    process = subprocess.Popen([sys.executable, "-m", "app_service"], env=environment)
    try:
        with client_of(environment), Client(int(environment["PORT"])) as silent:
            silent.request("GET", "/health/live")
            assert silent.answer()[0] == 200
            process.terminate()
            assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()


def test_a_port_in_use_ends_the_process_with_an_error(
    tls_database: TlsDatabase, root_logger: None, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    environment = environment_of(tls_database)
    with (
        socket.create_server(("127.0.0.1", int(environment["PORT"]))),
        pytest.raises(SystemExit) as ended,
    ):
        main(environment)
    assert ended.value.code not in (0, None)
    assert "Address already in use" in capsys.readouterr().out
    assert threading.active_count() < 20


@pytest.mark.filterwarnings("ignore:'app_service.__main__' found in sys.modules")
def test_wrong_settings_are_one_line_and_exit_2(
    root_logger: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_WRITER_HOST", raising=False)
    monkeypatch.setattr(sys, "argv", ["app_service"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("app_service", run_name="__main__")
    assert ended.value.code == 2
    [line] = capsys.readouterr().out.splitlines()
    assert "DATABASE_WRITER_HOST: missing or blank" in json.loads(line)["reason"]


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_trust_store_without_certificates_is_a_wrong_setting(
    tmp_path: Path, content: str | None
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    with pytest.raises(
        SettingsError, match=f"^DATABASE_CA_FILE: no PEM certificates in '{ca_file}"
    ):
        verifying_context(str(ca_file))


async def test_s63_a_database_with_another_certificate_or_name_is_refused(
    tls_database: TlsDatabase, tmp_path: Path
) -> None:
    """S63: verify-full. Another root or another name is refused."""
    server = tls_database.server
    options = {
        "connect": asyncpg.connect,
        "port": server.port,
        "user": server.superuser,
        "password": server.password,
        "database": "postgres",
    }
    trust = verifying_context(str(tls_database.ca_file))
    connection = await connect_writer((server.address,), ssl=trust, **options)  # type: ignore[arg-type]
    assert await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    await connection.close()
    (tmp_path / "other.pem").write_bytes(self_signed("127.0.0.1")[0])
    for host, context in (
        (server.address, verifying_context(str(tmp_path / "other.pem"))),
        ("localhost", trust),
    ):
        with pytest.raises(NoWriterError) as caught:
            await connect_writer((host,), ssl=context, **options)  # type: ignore[arg-type]
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


def test_the_region_comes_from_what_ecs_sets() -> None:
    assert region_of({"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}) == "a"
    assert region_of({"AWS_DEFAULT_REGION": "b"}) == "b"
    assert region_of({}) is None
