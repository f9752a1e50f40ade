"""The way of one transaction from the ledger into the audit trail, for `make trace`.

It only reads: the ledger, the record of sent batches, and the object of one batch.
"""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from lambda_src.audit_verifier import trace_object, trace_queries
from lambda_src.audit_verifier.archive import Archive
from lambda_src.audit_verifier.ledger import Ledger
from lambda_src.audit_verifier.moments import first_id_at, moment_of, text_of
from lambda_src.audit_verifier.trace_report import OutboxRow, Recorded, SealedBatch, Trace
from lambda_src.shared.database import sqlstate

# Nearly all batches are sealed within seconds of the posting: they are looked for here first.
_BEFORE: Final = timedelta(seconds=1)  # an id has milliseconds, and clocks differ a little
_SOON: Final = timedelta(minutes=10)
# Then from so long before to so long after the posting: after a failover another clock may be
# behind, and a relay may have been stopped.
_EARLIER: Final = timedelta(hours=1)
_LATER: Final = timedelta(days=1)
# Of each search, on the host where others post: at full load a day of batches is gigabytes.
SEARCH_SECONDS_MAX: Final = 5

_QUERY_CANCELED: Final = "57014"  # as PostgreSQL reports a statement that took too long

_Row = TypeVar("_Row")


def trace_of(transaction_id: UUID, *, connection: Connection, archive: Archive) -> Trace:
    """As far as it has come. Raises DatabaseError or ArchiveUnreadable."""
    [[is_standby]] = connection.run(trace_queries.STANDBY_SQL)
    found = _trace_of(transaction_id, connection=connection, archive=archive)
    return replace(found, is_from_standby=is_standby)


def _trace_of(transaction_id: UUID, *, connection: Connection, archive: Archive) -> Trace:
    ledger = Ledger(connection)
    now = ledger.head().now
    found = _first(Recorded, connection.run(trace_queries.RECORDED_SQL, id=transaction_id))
    if found is None or found.state != "posted":
        return Trace(now=now, transaction=found)
    search = _Search(connection, transaction_id)
    # In the direction in which it moves, so that it is seen at least once.
    outbox = search.first(
        OutboxRow, trace_queries.OUTBOX_SQL, place="the outbox", posted_at=found.posted_at
    )
    if outbox is not None:
        return Trace(now=now, transaction=found, outbox=outbox)
    batch = _batch(search, moment_of(found.posted_at))
    if batch is None:
        stored = trace_object.of_a_forgotten_batch(
            found.transaction_id, found.posted_at, ledger=ledger, archive=archive
        )
        key = None if stored is None else stored.key
        return Trace(
            now=now, transaction=found, key=key, object=stored, not_searched=search.not_searched
        )
    [recorded] = ledger.batches_named([batch.batch_id])
    stored = trace_object.of_batch(
        recorded, found.transaction_id, key=batch.key, ledger=ledger, archive=archive
    )
    return Trace(now=now, transaction=found, batch=batch, key=batch.key, object=stored)


class _Search:
    """Searches that are ended after a time; `not_searched` names where."""

    def __init__(self, connection: Connection, transaction_id: UUID) -> None:
        self.not_searched: list[str] = []
        self._connection = connection
        self._id = transaction_id

    def first(self, kind: type[_Row], sql: str, *, place: str, **values: object) -> _Row | None:
        """None also if it was ended."""
        self._connection.run("BEGIN")
        try:
            self._connection.run(f"SET LOCAL statement_timeout = '{SEARCH_SECONDS_MAX}s'")
            return _first(kind, self._connection.run(sql, id=self._id, **values))
        except DatabaseError as error:
            if sqlstate(error) != _QUERY_CANCELED:
                raise
            self.not_searched.append(place)
            return None
        finally:
            self._connection.run("ROLLBACK")  # it only read


def _batch(search: _Search, posted_at: datetime) -> SealedBatch | None:
    unsent = search.first(SealedBatch, trace_queries.UNSENT_SQL, place="the batches that wait")
    if unsent is not None:
        return unsent
    soon = (posted_at - _BEFORE, posted_at + _SOON)
    for first, last in (
        soon,
        (soon[1], posted_at + _LATER),
        (posted_at - _EARLIER, soon[0]),
    ):
        sent = search.first(
            SealedBatch,
            trace_queries.SENT_SQL,
            place=f"the batches sealed between {text_of(first)} and {text_of(last)}",
            first=first_id_at(first),
            last=first_id_at(last),
        )
        if sent is not None:
            return sent
    return None


def _first(kind: type[_Row], rows: list[list[Any]]) -> _Row | None:
    """The columns are the fields of `kind` in their order."""
    if not rows:
        return None
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**dict(zip(names, rows[0], strict=True)))
