"""A connection that explains each query before it runs it."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from app_service.database.database import Connection


class Explained:
    """Counts the blocks that queries read, with the plan that a session keeps for all values."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.blocks = 0
        self.plans: list[dict[str, Any]] = []

    @property
    def connection(self) -> Connection:
        return cast("Connection", self)

    async def fetch(self, sql: str, *values: object) -> Any:
        await self._explain(sql, values)
        return await self._connection.fetch(sql, *values)

    async def fetchrow(self, sql: str, *values: object) -> Any:
        await self._explain(sql, values)
        return await self._connection.fetchrow(sql, *values)

    async def fetchval(self, sql: str, *values: object) -> Any:
        await self._explain(sql, values)
        return await self._connection.fetchval(sql, *values)

    async def _explain(self, sql: str, values: Sequence[object]) -> None:
        await self._connection.execute("SET plan_cache_mode = force_generic_plan")
        await self._connection.execute(f"PREPARE explained AS {sql}")
        arguments = f"({', '.join(map(_literal, values))})" if values else ""
        found = await self._connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE explained{arguments}"
        )
        await self._connection.execute("DEALLOCATE explained")
        [document] = json.loads(found)
        plan = document["Plan"]
        self.plans.append(plan)
        self.blocks += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]

    def whole_tables(self) -> set[str]:
        """The tables that a query has read from end to end."""
        return {
            node["Relation Name"]
            for plan in self.plans
            for node in _nodes(plan)
            if node["Node Type"] == "Seq Scan" and node["Actual Loops"]
        }


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(_literal, value))}]::text[]"
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    assert isinstance(value, str | UUID | datetime)
    return "'" + text.replace("'", "''") + "'"
