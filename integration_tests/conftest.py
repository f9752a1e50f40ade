"""Fixtures: the deployed environment, a client with a session, AWS by the SDK's own settings."""

import datetime as dt
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from integration_tests.environment import DeployedEnvironment
from integration_tests.ledger_client import LedgerClient

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@pytest.fixture(scope="session")
def environment() -> DeployedEnvironment:
    return DeployedEnvironment.from_environment()


@pytest.fixture(scope="session")
def started_at() -> dt.datetime:
    """Older audit objects are not from these tests."""
    return dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)


@pytest.fixture(scope="session")
def verify(
    environment: DeployedEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> str | bool:
    roots: Path | None = environment.write_roots(tmp_path_factory.mktemp("roots"))
    return True if roots is None else str(roots)


@pytest.fixture(scope="session")
def credentials(environment: DeployedEnvironment) -> tuple[str, str]:
    secrets = boto3.client("secretsmanager")
    secret = secrets.get_secret_value(SecretId=environment.api_credentials_secret_name)
    client = json.loads(secret["SecretString"])
    return client["client_id"], client["client_secret"]


@pytest.fixture
def anonymous(environment: DeployedEnvironment, verify: str | bool) -> LedgerClient:
    return LedgerClient(api_url=environment.api_url, verify=verify)


@pytest.fixture(scope="session")
def ledger(
    environment: DeployedEnvironment, verify: str | bool, credentials: tuple[str, str]
) -> LedgerClient:
    client = LedgerClient(api_url=environment.api_url, verify=verify)
    client.open_session(*credentials, user_id="integration-test")
    return client


@pytest.fixture(scope="session")
def sqs() -> "SQSClient":
    return boto3.client("sqs")


@pytest.fixture(scope="session")
def s3() -> "S3Client":
    return boto3.client("s3")


@pytest.fixture(scope="session")
def dynamodb() -> "DynamoDBClient":
    return boto3.client("dynamodb")


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Call `check` until it returns True; fail with `what` after `seconds`."""

    def wait(check: Callable[[], bool], *, what: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not check():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.25)

    return wait
