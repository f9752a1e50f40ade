"""Records which webhooks were forwarded, so that each is forwarded once."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from branch_hub.functions.shared.registry import FORGET_AFTER
from branch_hub.moments import as_text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

_REMEMBERED: Final = timedelta(days=30)


class Deliveries:
    """Needs `dynamodb:PutItem`, `GetItem` and `UpdateItem` on the table."""

    def __init__(self, *, table: "Table") -> None:
        self._table = table

    def is_sent(self, digest: str, *, note: str, now: datetime) -> bool:
        """Record the delivery. True: it was forwarded before. `note` is for people."""
        try:
            self._table.put_item(
                Item={
                    **_key(digest),
                    "sent": False,
                    "note": note,
                    "received_at": as_text(now),
                    FORGET_AFTER: int((now + _REMEMBERED).timestamp()),
                },
                ConditionExpression="attribute_not_exists(suffix)",
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            answer = self._table.get_item(Key=_key(digest), ConsistentRead=True)
            return bool(answer.get("Item", {}).get("sent", False))
        return False

    def mark_sent(self, digest: str) -> None:
        self._table.update_item(
            Key=_key(digest),
            UpdateExpression="SET sent = :yes",
            ExpressionAttributeValues={":yes": True},
        )


def _key(digest: str) -> dict[str, str]:
    return {"suffix": f"delivery#{digest}"}
