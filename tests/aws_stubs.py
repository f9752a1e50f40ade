"""Fixtures that tests of functions share: stubbed AWS clients, and a reset of logging."""

import logging
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from lambda_src.shared.log_lines import OWN_LOGGERS

_make_client = boto3.client  # tests of entrypoints replace it


class _Unreachable:
    """Every call fails, because nothing answers."""

    def __getattr__(self, _operation: str) -> Callable[..., None]:
        return self._fail

    def _fail(self, **_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://unreachable")


unreachable: Any = _Unreachable()
type_of_aws = Callable[[str], tuple[Any, Stubber]]


@cache  # a client takes a quarter of a second to create
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
    and at the end of a test every prepared answer must have been used."""
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
    """An entrypoint sets the format of all log lines; restore the old one after each test."""
    root = logging.getLogger()
    ours = [logging.getLogger(room) for room in OWN_LOGGERS]
    formatters = [(handler, handler.formatter) for handler in root.handlers]
    yield
    for handler, formatter in formatters:
        handler.setFormatter(formatter)
    for logger in ours:
        logger.setLevel(logging.NOTSET)
