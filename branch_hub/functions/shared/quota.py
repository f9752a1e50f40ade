"""The quota of environments: a set of suffixes in one item, changed atomically."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

_KEY: Final = {"suffix": "#environments"}


class Quota:
    """Needs `dynamodb:GetItem` and `UpdateItem` on the table. Every method is safe to repeat."""

    def __init__(self, *, table: "Table", limit: int) -> None:
        self._table = table
        self.limit = limit

    def take(self, suffix: str, *, at_most: int | None = None) -> bool:
        """Add `suffix` if it is a member already or if there is room. Atomic.

        `at_most` is what the account allows, if it is less than the limit.
        """
        limit = self.limit if at_most is None else min(self.limit, at_most)
        if limit < 1:
            return suffix in self.members()
        try:
            self._table.update_item(
                Key=_KEY,
                UpdateExpression="ADD members :suffixes",
                ConditionExpression=(
                    "attribute_not_exists(members) OR size(members) < :limit"
                    " OR contains(members, :suffix)"
                ),
                ExpressionAttributeValues={
                    ":suffixes": {suffix},
                    ":limit": limit,
                    ":suffix": suffix,
                },
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def count_in(self, suffix: str) -> None:
        """Add an existing environment, even if the quota is full."""
        self._change("ADD", suffix)

    def give_back(self, suffix: str) -> None:
        self._change("DELETE", suffix)

    def members(self) -> set[str]:
        answer = self._table.get_item(Key=_KEY, ConsistentRead=True)
        members: set[str] = answer.get("Item", {}).get("members", set())  # type: ignore[assignment]
        return members

    def _change(self, verb: str, suffix: str) -> None:
        self._table.update_item(
            Key=_KEY,
            UpdateExpression=f"{verb} members :suffixes",
            ExpressionAttributeValues={":suffixes": {suffix}},
        )
