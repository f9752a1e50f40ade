"""How many environments there may be at once: a set of suffixes in one item, changed atomically."""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY: Final = {"suffix": {"S": "#environments"}}


class Quota:
    """Needs `dynamodb:GetItem` and `UpdateItem` on the table. Every method may be repeated."""

    def __init__(self, *, dynamodb: "DynamoDBClient", table_name: str, limit: int) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name
        self.limit = limit

    def take(self, suffix: str) -> bool:
        """Count `suffix` in, if it is already or there is room. However many ask at once."""
        try:
            self._update(
                "ADD members :suffixes",
                suffix,
                ConditionExpression=(
                    "attribute_not_exists(members) OR size(members) < :limit"
                    " OR contains(members, :suffix)"
                ),
                limit={":limit": {"N": str(self.limit)}, ":suffix": {"S": suffix}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def count_in(self, suffix: str) -> None:
        """Count what is there already, room or not."""
        self._update("ADD members :suffixes", suffix)

    def give_back(self, suffix: str) -> None:
        self._update("DELETE members :suffixes", suffix)

    def members(self) -> set[str]:
        answer = self._dynamodb.get_item(TableName=self._table_name, Key=_KEY, ConsistentRead=True)
        return set(answer.get("Item", {}).get("members", {}).get("SS", []))

    def _update(
        self,
        expression: str,
        suffix: str,
        *,
        limit: dict[str, Any] | None = None,
        **condition: str,
    ) -> None:
        self._dynamodb.update_item(
            TableName=self._table_name,
            Key=_KEY,
            UpdateExpression=expression,
            ExpressionAttributeValues={":suffixes": {"SS": [suffix]}, **(limit or {})},
            **condition,  # type: ignore[arg-type]  # a ConditionExpression, or nothing
        )
