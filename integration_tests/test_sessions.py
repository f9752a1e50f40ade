"""Sessions: opened with the API credential, found by the hash of their token, closed."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from integration_tests.environment import DeployedEnvironment
from integration_tests.ledger_client import LedgerClient

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_a_wrong_secret_opens_no_session(
    anonymous: LedgerClient, credentials: tuple[str, str]
) -> None:
    answer = anonymous.call(
        "POST", "/sessions", auth=(credentials[0], "wrong"), json={"user_id": "someone"}
    )
    assert answer.status_code == 401


def test_the_table_knows_the_session_but_not_its_token(
    anonymous: LedgerClient,
    credentials: tuple[str, str],
    environment: DeployedEnvironment,
    dynamodb: "DynamoDBClient",
) -> None:
    """S21, S33: the item is keyed by the token's hash, so a reader of the table cannot use it."""
    token = anonymous.open_session(*credentials, user_id="table-reader")
    key = hashlib.sha256(token.encode()).hexdigest()
    item = dynamodb.get_item(
        TableName=environment.sessions_table_name, Key={"token_hash": {"S": key}}
    )["Item"]
    assert item["user_id"] == {"S": "table-reader"}
    assert token not in str(item)


def test_a_closed_session_is_refused(
    anonymous: LedgerClient, credentials: tuple[str, str], eventually: Callable[..., None]
) -> None:
    """S33: by one task at once, and by the others when their cache expires."""
    anonymous.open_session(*credentials, user_id="leaver")
    assert anonymous.call("GET", "/sessions/current").status_code == 200
    assert anonymous.call("DELETE", "/sessions/current").status_code == 204
    eventually(
        lambda: anonymous.call("GET", "/sessions/current").status_code == 401,
        what="the refusal of a closed session",
    )
