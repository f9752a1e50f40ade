"""The way of one transaction from the ledger into the audit trail, for `make trace`.

It only reads: the ledger, the record of sent batches, and the object of one batch.
"""

from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from pg8000.native import Connection

from lambda_src.audit_verifier import way_object, way_queries
from lambda_src.audit_verifier.archive import Archive
from lambda_src.audit_verifier.ledger import Ledger
from lambda_src.audit_verifier.moments import first_id_at, is_time_ordered, moment_of
from lambda_src.audit_verifier.way_object import AuditObject
from lambda_src.shared.audit_objects import object_key, time_of_id

# Batches are looked for that were sealed from so long before to so long after the posting. Before:
# after a failover another clock may go behind. After: nearly all are sealed within seconds.
_EARLIER: Final = timedelta(hours=1)
_LATER: Final = timedelta(days=1)

_Row = TypeVar("_Row")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """As the ledger has it. `posted_at` of a refused one is the time of the refusal."""

    transaction_id: str
    kind: str
    state: str  # posted or refused
    reason: str | None
    posted_at: str
    path: str | None
    client_id: str | None
    user_id: str | None
    trace_id: str | None
    message_id: str | None
    debit_account: int | None
    credit_account: int | None
    amount_minor: int | None
    currency: str | None
    target_id: str | None
    chain_id: str | None


@dataclass(frozen=True, kw_only=True)
class OutboxRow:
    outbox_id: int
    created_at: str
    transactions: int


@dataclass(frozen=True, kw_only=True)
class SealedBatch:
    """`sent_at` is None while it waits; `due_at` then says when a relay may try again."""

    batch_id: str
    chain_number: int | None
    posted_at: str
    sealed_at: str
    sent_at: str | None
    due_at: str | None
    refusals: int
    last_error: str | None
    transactions: int

    @property
    def key(self) -> str:
        """Of its object."""
        if is_time_ordered(self.batch_id):
            return object_key(time_of_id(UUID(self.batch_id)).date(), self.batch_id)
        return object_key(moment_of(self.posted_at).date(), self.batch_id)


@dataclass(frozen=True, kw_only=True)
class Way:
    now: str  # by the database's clock
    transaction: Recorded | None
    outbox: OutboxRow | None = None
    batch: SealedBatch | None = None
    key: str | None = None  # where the batch's object is, or will be
    object: AuditObject | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def way_of(transaction_id: UUID, *, connection: Connection, archive: Archive) -> Way:
    """As far as it has come. Raises DatabaseError or ArchiveUnreadable."""
    ledger = Ledger(connection)
    now = ledger.head().now
    found = _first(Recorded, connection.run(way_queries.RECORDED_SQL, id=transaction_id))
    if found is None or found.state != "posted":
        return Way(now=now, transaction=found)
    # In the direction in which it moves, so that it is seen at least once.
    rows = connection.run(way_queries.OUTBOX_SQL, id=transaction_id, posted_at=found.posted_at)
    posted_at = moment_of(found.posted_at)
    batches = connection.run(
        way_queries.BATCH_SQL,
        id=transaction_id,
        first=first_id_at(posted_at - _EARLIER),
        last=first_id_at(posted_at + _LATER),
    )
    outbox, batch = _first(OutboxRow, rows), _first(SealedBatch, batches)
    if batch is None:
        stored = None
        if outbox is None:
            stored = way_object.of_a_forgotten_batch(
                found.transaction_id, found.posted_at, ledger=ledger, archive=archive
            )
        key = None if stored is None else stored.key
        return Way(now=now, transaction=found, outbox=outbox, key=key, object=stored)
    [recorded] = ledger.batches_named([batch.batch_id])
    stored = way_object.of_batch(
        recorded, found.transaction_id, key=batch.key, ledger=ledger, archive=archive
    )
    return Way(now=now, transaction=found, batch=batch, key=batch.key, object=stored)


def _first(kind: type[_Row], rows: list[list[Any]]) -> _Row | None:
    """The columns are the fields of `kind` in their order."""
    if not rows:
        return None
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**dict(zip(names, rows[0], strict=True)))
