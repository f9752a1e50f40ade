"""The outbox in SQL: posted transactions become batches, and a batch is sent as one message.

The database makes the messages, so that a task sends every field, also those that only newer tasks
know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app_service.database.database import Connection

ROWS_MAX = 5000  # looked at in one call
BYTES_MAX = 8 * 1024 * 1024  # taken in one call
LEASE_SECONDS = 30.0  # a batch that is neither sent nor released until then is sent by any relay
COUNTED_MAX = 10_000

_TAKE_SQL = "SELECT batch_id, body, is_more FROM ledger.take_batches($1, $2, $3)"
_SENT_SQL = "SELECT ledger.record_sent($1)"
_REFUSED_SQL = "SELECT ledger.record_refused($1, $2)"
_RELEASE_SQL = "SELECT ledger.release_batches($1)"
_WAITING_SQL = "SELECT batches, oldest_seconds, set_aside FROM ledger.waiting_batches($1)"
_EMPTY_SQL = "SELECT ledger.empty_old_batches()"


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Posted transactions, and the message about them."""

    batch_id: UUID
    body: str  # at most 1 MiB as UTF-8, as SQS accepts


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    batches: Sequence[Batch]
    is_more: bool  # there is more to take


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """The backlog: what is posted and acknowledged, but not yet sent to the audit queue."""

    batches: int  # up to COUNTED_MAX
    oldest_seconds: float  # 0 when nothing waits
    set_aside: int  # batches that the queue has refused again and again; not in the other two


async def take_batches(connection: Connection) -> Taken:
    """Batches for this caller to send within LEASE_SECONDS.

    Call outside of a transaction: they must be committed before they are sent.
    """
    rows = await connection.fetch(_TAKE_SQL, ROWS_MAX, BYTES_MAX, LEASE_SECONDS)
    return Taken(
        batches=[Batch(batch_id=row["batch_id"], body=row["body"]) for row in rows],
        is_more=any(row["is_more"] for row in rows),
    )


async def record_sent(connection: Connection, batch_ids: Sequence[UUID]) -> None:
    await connection.execute(_SENT_SQL, batch_ids)


async def record_refused(connection: Connection, batch_id: UUID, error: str) -> None:
    """The queue takes other batches, but not this one: it pauses, and others are sent."""
    await connection.execute(_REFUSED_SQL, batch_id, error)


async def release_batches(connection: Connection, batch_ids: Sequence[UUID]) -> None:
    """Give back what was taken and cannot be sent now."""
    await connection.execute(_RELEASE_SQL, batch_ids)


async def waiting(connection: Connection) -> Waiting:
    row = await connection.fetchrow(_WAITING_SQL, COUNTED_MAX)
    assert row is not None  # an aggregate has one row
    return Waiting(
        batches=row["batches"],
        oldest_seconds=row["oldest_seconds"],
        set_aside=row["set_aside"],
    )


async def empty_old_batches(connection: Connection) -> bool:
    """Forget what was sent so long ago that no backup is older. True if there was something."""
    return bool(await connection.fetchval(_EMPTY_SQL))
