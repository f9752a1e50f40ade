"""The outbox in SQL: one row for each call that posted something, until its message is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from app_service.ledger.database import Connection
from app_service.ledger.domain import rfc3339
from app_service.ledger.queue_messages import POSTED_TYPE, POSTED_VERSION
from app_service.ledger.transaction_sql import SELECT_POSTED

ROWS_MAX = 100
COUNTED_MAX = 10_000
TRANSACTIONS_MAX = 10_000  # held in memory at a time

_ROWS_SQL = """
SELECT outbox_id, batch_id, transaction_ids, created_at
  FROM ledger.outbox ORDER BY outbox_id LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_TRANSACTIONS_SQL = f"{SELECT_POSTED} WHERE transaction_id = ANY ($1::uuid[])"
# Counting ends at a limit, because beyond it the exact number is not worth its cost.
_WAITING_SQL = """
SELECT (SELECT count(*) FROM (SELECT FROM ledger.outbox LIMIT $1) AS first_ones) AS batches,
       coalesce(extract(epoch FROM clock_timestamp() - (
           SELECT created_at FROM ledger.outbox ORDER BY outbox_id LIMIT 1
       )), 0)::float8 AS oldest_seconds
"""
_DELETE_SQL = "DELETE FROM ledger.outbox WHERE outbox_id = ANY ($1::bigint[])"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """The message about one call that posted something."""

    outbox_id: int
    body: bytes  # UTF-8: SQS counts bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """The backlog: posted and acknowledged batches that are not yet sent to the audit queue."""

    batches: int  # up to COUNTED_MAX
    oldest_seconds: float  # 0 when nothing waits


async def waiting(connection: Connection) -> Waiting:
    row = await connection.fetchrow(_WAITING_SQL, COUNTED_MAX)
    assert row is not None  # an aggregate has one row
    return Waiting(batches=row["batches"], oldest_seconds=row["oldest_seconds"])


async def lock_oldest_events(connection: Connection) -> list[Event]:
    """The oldest events that no other session holds, locked until the transaction ends."""
    rows = await connection.fetch(_ROWS_SQL, ROWS_MAX)
    taken: list[asyncpg.Record] = []
    ids: list[UUID] = []
    for row in rows:
        if taken and len(ids) + len(row["transaction_ids"]) > TRANSACTIONS_MAX:
            break
        taken.append(row)
        ids += row["transaction_ids"]
    found = {
        row["transaction_id"]: _posted(row)
        for row in await connection.fetch(_TRANSACTIONS_SQL, ids)
    }
    return [
        Event(
            outbox_id=row["outbox_id"],
            body=_body(row, [found[transaction_id] for transaction_id in row["transaction_ids"]]),
        )
        for row in taken
    ]


async def delete_events(connection: Connection, outbox_ids: Sequence[int]) -> None:
    await connection.execute(_DELETE_SQL, outbox_ids)


def _posted(row: asyncpg.Record) -> dict[str, Any]:
    # The same as PostedTransaction.to_json, at half its cost: msgspec writes the ids.
    values = {name: value for name, value in row.items() if value is not None}
    return values | {"posted_at": rfc3339(row["posted_at"])}


def _body(row: asyncpg.Record, transactions: Sequence[dict[str, Any]]) -> bytes:
    return msgspec.json.encode(
        {
            "type": POSTED_TYPE,
            "version": POSTED_VERSION,
            "batch_id": row["batch_id"],
            "posted_at": rfc3339(row["created_at"]),
            "transactions": transactions,
        }
    )
