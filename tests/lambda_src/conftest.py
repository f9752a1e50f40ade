"""What tests of the functions share: SQS events, stubbed AWS clients, a database cluster."""

import logging
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.lambda_src.cluster import Cluster, running_cluster
from tests.lambda_src.common_ledger import CommonLedger

_make_client = boto3.client  # tests of entrypoints put another in its place
type_of_aws = Callable[[str], tuple[Any, Stubber]]


@cache  # a client takes a quarter of a second to make
def _client(service: str) -> Any:
    return _make_client(
        service,  # type: ignore[call-overload]  # a name that the test chooses
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )


@pytest.fixture
def aws() -> Iterator[type_of_aws]:
    """`aws("sqs")` gives a client and its stub: calls are checked against the service's model,
    and every answer that a test prepares must have been asked for by its end."""
    stubs = {}

    def stubbed(service: str) -> tuple[Any, Stubber]:
        if service not in stubs:
            stubs[service] = Stubber(_client(service))
            stubs[service].activate()
        return _client(service), stubs[service]

    yield stubbed
    for stub in stubs.values():
        stub.deactivate()
    for stub in stubs.values():
        stub.assert_no_pending_responses()


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """An entrypoint sets the format of all log lines; the next test gets the old one back."""
    root, ours = logging.getLogger(), logging.getLogger("lambda_src")
    formatters = [(handler, handler.formatter) for handler in root.handlers]
    yield
    for handler, formatter in formatters:
        handler.setFormatter(formatter)
    ours.setLevel(logging.NOTSET)


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
