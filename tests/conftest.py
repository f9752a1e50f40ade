"""Fixtures that several rooms share: a real PostgreSQL server for tests whose subject is SQL."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud.postgres import PostgresServer

_SYNTH_ROOMS = ("tests/infra/", "tests/pipeline/", "tests/test_app.py")
_BRANCH_HUB = "tests/lambda_src/branch"
_SHARED_CLOUDS = tuple(f"tests/local_cloud/test_{name}.py" for name in ("emulator", "removal"))


def pytest_configure() -> None:
    """Clouds of tests run side by side, wherever the developer's own one is told to be."""
    for variable in ("LOCAL_STATE", "LOCAL_CLOUD_PORT", "LOCAL_API_PORT"):
        os.environ.pop(variable, None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share something dear on one worker: a synth, a deployed stack."""
    for item in items:
        if item.nodeid.startswith(_SYNTH_ROOMS):
            item.add_marker(pytest.mark.xdist_group("synth"))
        elif item.nodeid.startswith("tests/local_cloud/branches/"):
            item.add_marker(pytest.mark.xdist_group("branches"))
        elif item.nodeid.startswith(_BRANCH_HUB):
            item.add_marker(pytest.mark.xdist_group("branch-hub"))
        elif item.nodeid.startswith(_SHARED_CLOUDS):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One empty PostgreSQL 15 server per test process, without TLS; durability off for speed."""
    folder = Path(tempfile.mkdtemp(prefix="test-postgres-"))
    server = PostgresServer(
        data_dir=folder / "data",
        address="127.0.0.1",
        port=_free_port(),
        password="test",
        settings={"fsync": "off", "log_min_messages": "fatal"},
    )
    server.initialize()
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)
