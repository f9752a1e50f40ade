"""Fixtures that tests of functions share: stubbed AWS clients, and the log as Lambda writes it."""

import json
import logging
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from local_cloud.emulator.function_logs import LAMBDA_FIELDS, LambdaLines

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


class _LambdaLog(logging.Handler):
    """Writes what the functions log as Lambda does. What Lambda would lose fails the test."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []
        self.setFormatter(LambdaLines())

    def emit(self, record: logging.LogRecord) -> None:
        lost = LAMBDA_FIELDS & vars(record).keys()
        assert not lost, f"{record.name} logs {sorted(lost)}: Lambda uses these names itself"
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture(autouse=True)
def lambda_log() -> Iterator[list[dict[str, Any]]]:
    """The lines that the functions write, as objects, with the level of their templates."""
    root, log = logging.getLogger(), _LambdaLog()
    level = root.level
    root.addHandler(log)
    root.setLevel(logging.INFO)
    yield log.lines
    root.removeHandler(log)
    root.setLevel(level)
