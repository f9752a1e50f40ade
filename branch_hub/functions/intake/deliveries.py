"""Which deliveries were sent on: each is once, unless it is not known to have arrived."""

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from branch_hub.functions.shared.moments import as_text
from branch_hub.functions.shared.registry import FORGET_AFTER

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_REMEMBERED: Final = timedelta(days=30)
_NOTE_LENGTH_MAX: Final = 100


def digest_of(signature: str, body: bytes) -> str:
    """Name a delivery by what was signed: the id that comes with it is not, and anyone can change
    it to send an old body again."""
    return hashlib.sha256(signature.encode("utf-8", "replace") + b"\0" + body).hexdigest()


class Deliveries:
    """Needs `dynamodb:PutItem`, `GetItem` and `UpdateItem` on the table."""

    def __init__(self, *, dynamodb: "DynamoDBClient", table_name: str) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name

    def is_sent(self, digest: str, *, note: str, now: datetime) -> bool:
        """Note that it came. True: it was sent on before. `note` is for people who look."""
        try:
            self._dynamodb.put_item(
                TableName=self._table_name,
                Item={
                    **_key(digest),
                    "sent": {"BOOL": False},
                    "note": {"S": note[:_NOTE_LENGTH_MAX]},
                    "received_at": {"S": as_text(now)},
                    FORGET_AFTER: {"N": str(int((now + _REMEMBERED).timestamp()))},
                },
                ConditionExpression="attribute_not_exists(suffix)",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            answer = self._dynamodb.get_item(
                TableName=self._table_name, Key=_key(digest), ConsistentRead=True
            )
            return answer.get("Item", {}).get("sent", {}).get("BOOL", False)
        return False

    def mark_sent(self, digest: str) -> None:
        self._dynamodb.update_item(
            TableName=self._table_name,
            Key=_key(digest),
            UpdateExpression="SET sent = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )


def _key(digest: str) -> dict[str, dict[str, str]]:
    return {"suffix": {"S": f"delivery#{digest}"}}
