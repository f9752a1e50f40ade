"""Records since when an asset is isolated: since when no template names it."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from branch_hub.moments import as_text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

_KEY: Final = "#asset "
_SINCE: Final = "isolated_since"


class Marks:
    """Needs `dynamodb:Scan`, `PutItem` and `DeleteItem` on the hub's table.

    A lost record is no danger: the asset's time begins again.
    """

    def __init__(self, *, table: "Table") -> None:
        self._table = table

    def update(self, isolated: Iterable[str], *, now: datetime) -> dict[str, datetime]:
        """Mark the new ones, and forget those that are named again. Return all that are marked."""
        wanted, marks = set(isolated), self._all()
        for asset in marks.keys() - wanted:
            self._table.delete_item(Key={"suffix": f"{_KEY}{asset}"})
        for asset in sorted(wanted - marks.keys()):
            self._table.put_item(Item={"suffix": f"{_KEY}{asset}", _SINCE: as_text(now)})
        return {asset: marks.get(asset, now) for asset in wanted}

    def _all(self) -> dict[str, datetime]:
        pages = self._table.meta.client.get_paginator("scan").paginate(
            TableName=self._table.name,
            ConsistentRead=True,
            FilterExpression=f"attribute_exists({_SINCE})",
        )
        return {
            str(item["suffix"]).removeprefix(_KEY): datetime.fromisoformat(str(item[_SINCE]))
            for page in pages
            for item in page["Items"]
        }
