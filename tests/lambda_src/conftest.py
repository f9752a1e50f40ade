"""What tests of the environment's functions share: AWS stubs and a database cluster."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws_stubs import aws, lambda_log  # noqa: F401
from tests.lambda_src.cluster import Cluster, running_cluster
from tests.lambda_src.common_ledger import CommonLedger


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="test-cluster-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running_cluster(folder, port) as running:
        yield running
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def common_ledger(cluster: Cluster) -> CommonLedger:
    return CommonLedger(cluster)


@pytest.fixture
def empty_database(cluster: Cluster) -> str:
    return cluster.create_database()


@pytest.fixture
def ledger_database(common_ledger: CommonLedger) -> str:
    """The real migrations applied, accounts opened, nothing else in it."""
    return common_ledger.emptied()
