"""Fixtures that tests of functions share: stubbed AWS clients, and logging as it was before."""

import logging
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lambda_src.shared.log_lines import OWN_LOGGERS

_make_client = boto3.client  # tests of entrypoints replace boto3.client
type_of_aws = Callable[[str], tuple[Any, Stubber]]


@cache  # creating a client takes a quarter of a second
def _client(service: str) -> Any:
    return _make_client(
        service,  # type: ignore[call-overload]  # a name that the test chooses
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )


@pytest.fixture
def aws() -> Iterator[type_of_aws]:
    """`aws("sqs")` returns a client and its stub. Calls are checked against the service's model,
    and a test must use every answer that it prepares."""
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
def logging_as_before() -> Iterator[None]:
    """Restore the format of log lines, which an entrypoint sets for the whole process."""
    root = logging.getLogger()
    ours = [logging.getLogger(room) for room in OWN_LOGGERS]
    formatters = [(handler, handler.formatter) for handler in root.handlers]
    yield
    for handler, formatter in formatters:
        handler.setFormatter(formatter)
    for logger in ours:
        logger.setLevel(logging.NOTSET)
