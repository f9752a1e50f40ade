"""The way of one transaction from the ledger into the audit trail, for `make trace`.

It only reads: the ledger, the record of sent batches, and the object of one batch.
"""

from dataclasses import fields
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from pg8000.native import Connection

from lambda_src.audit_verifier import way_object, way_queries
from lambda_src.audit_verifier.archive import Archive
from lambda_src.audit_verifier.ledger import Ledger
from lambda_src.audit_verifier.moments import first_id_at, moment_of
from lambda_src.audit_verifier.way_report import OutboxRow, Recorded, SealedBatch, Way

# Batches are looked for that were sealed from so long before to so long after the posting. Before:
# after a failover another clock may go behind. After: nearly all are sealed within seconds.
_EARLIER: Final = timedelta(hours=1)
_LATER: Final = timedelta(days=1)

_Row = TypeVar("_Row")


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
