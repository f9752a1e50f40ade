"""The outbox in SQL: the batches whose message is not yet sent. The database makes the messages, so
that a task sends every field, also those that only newer tasks know."""

from collections.abc import Sequence
from dataclasses import dataclass

from app_service.database.database import Connection

ROWS_MAX = 100
BYTES_MAX = 8 * 1024 * 1024  # held in memory at a time
COUNTED_MAX = 10_000

_LOCK_SQL = "SELECT outbox_id, body FROM ledger.lock_events($1, $2) ORDER BY outbox_id"
_WAITING_SQL = "SELECT batches, oldest_seconds FROM ledger.waiting_events($1)"
_DELETE_SQL = "SELECT ledger.delete_events($1)"


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
    rows = await connection.fetch(_LOCK_SQL, ROWS_MAX, BYTES_MAX)
    return [Event(outbox_id=row["outbox_id"], body=row["body"].encode()) for row in rows]


async def delete_events(connection: Connection, outbox_ids: Sequence[int]) -> None:
    await connection.execute(_DELETE_SQL, outbox_ids)
