"""A breaker's state as one DynamoDB item, found by the breaker's name.

A write succeeds only if the item is as it was read.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.breaker import State, StateUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_FIELDS = ("revision", "failures", "pause_seconds", "retry_at")
_CHANGED_SINCE = "ConditionalCheckFailedException"
# If no batch meets an open breaker for a day, its item expires, which closes it.
_EXPIRES_AFTER_SECONDS = 86_400


class BreakerTable:
    def __init__(
        self,
        *,
        dynamodb: "DynamoDBClient",
        table_name: str,
        breaker: str,
        now: Callable[[], float],
    ) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._breaker = breaker
        self._now = now

    def read(self) -> State:
        try:
            answer = self._dynamodb.get_item(
                TableName=self._table_name,
                Key={"breaker": {"S": self._breaker}},
                ConsistentRead=True,
            )
        except (BotoCoreError, ClientError) as error:
            raise StateUnavailable(f"table {self._table_name}: {error}") from error
        item = answer.get("Item")
        return State(**{f: int(item[f]["N"]) for f in _FIELDS}) if item else State()

    def write(self, state: State) -> bool:
        values = {f: getattr(state, f) for f in _FIELDS} | {
            "revision": state.revision + 1,
            "expires_at": int(self._now()) + _EXPIRES_AFTER_SECONDS,
        }
        try:
            self._dynamodb.put_item(
                TableName=self._table_name,
                Item={"breaker": {"S": self._breaker}}
                | {name: {"N": str(value)} for name, value in values.items()},
                ConditionExpression="attribute_not_exists(breaker) OR revision = :seen",
                ExpressionAttributeValues={":seen": {"N": str(state.revision)}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == _CHANGED_SINCE:
                return False
            raise StateUnavailable(f"table {self._table_name}: {error}") from error
        except BotoCoreError as error:
            raise StateUnavailable(f"table {self._table_name}: {error}") from error
        return True
