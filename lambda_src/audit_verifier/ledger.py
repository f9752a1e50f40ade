"""What the verifier reads of the database. A standby will do."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from lambda_src.audit_verifier import queries
from lambda_src.audit_verifier.chain import Link
from lambda_src.audit_verifier.moments import moment_of
from lambda_src.shared.database import sqlstate

OUTBOX: Final = "the outbox"
# A standby ends a statement that keeps it from following the writer.
_CONFLICT_WITH_RECOVERY = "40001"
_ATTEMPTS = 3
_NEAR = timedelta(minutes=10)
_ID = 36  # characters of a UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    now: str
    number: int
    hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Horizon:
    """How far back the record of what was sent reaches."""

    kept_from: str  # nothing that was sent from here on has been forgotten
    recorded_from: str  # not before the record began: versions from before kept none
    oldest: str | None  # no recorded transaction is older


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """A sealed batch as the database has recorded it."""

    batch_id: str
    posted_at: str
    transaction_ids: tuple[str, ...]
    is_waiting: bool  # it is not sent, or to be sent again
    sent_seconds: float  # ago; 0 if it is not sent
    link: Link | None


class Ledger:
    def __init__(self, connection: Connection) -> None:
        """Changes the settings of this session: no statement may read a table of millions."""
        self._connection = connection
        connection.run("SET enable_seqscan = off")

    def head(self) -> Head:
        [[now, number, text]] = self._run(queries.HEAD_SQL)
        return Head(now=now, number=number, hash=text)

    def horizon(self) -> Horizon:
        [[kept_from, first_sent_at, oldest]] = self._run(queries.HORIZON_SQL)
        return Horizon(
            kept_from=kept_from,
            recorded_from=max(kept_from, first_sent_at or ""),
            oldest=oldest,
        )

    def posted(self, first: datetime, last: datetime, most: int) -> list[tuple[str, str]]:
        """Ids and times of at most so many, in no order."""
        [[found]] = self._run(queries.POSTED_SQL, first=first, last=last, most=most)
        return [(each[:_ID], each[_ID:]) for each in found.split(",")] if found else []

    def batches_sealed(self, *, after: str, before: str, most: int) -> list[Batch]:
        """In the order of their ids. Raises DatabaseError, as every method."""
        return self._batches(queries.SEALED, after=after, before=before, most=most)

    def batches_named(self, batch_ids: Sequence[str]) -> list[Batch]:
        return self._batches(queries.NAMED, ids=_array(batch_ids), most=len(batch_ids))

    def recorded_numbers(self, numbers: range) -> list[int]:
        """Those of the numbers that a batch has."""
        rows = self._run(queries.NUMBERS_SQL, first=numbers[0], last=numbers[-1])
        return [number for (number,) in rows]

    def batch_of_number(self, number: int) -> Batch | None:
        found = self._batches(queries.NUMBERED, number=number, most=1)
        return found[0] if found else None

    def batches_with_random_ids(
        self, *, first: str, last: str, after: str, most: int
    ) -> list[Batch]:
        """Batches of that time whose ids do not sort by time, in the order of their ids."""
        return self._batches(queries.RANDOM, first=first, last=last, after=after, most=most)

    def records(self, transaction_ids: Sequence[str]) -> dict[int, str]:
        """The audit record of each that is in the ledger, by its place in the sequence."""
        if not transaction_ids:
            return {}
        [[places, records]] = self._run(queries.RECORDS_SQL, ids=_array(transaction_ids))
        if places is None:
            return {}
        numbered = zip(places.split(","), records.split("\n"), strict=True)
        return {int(place) - 1: record for place, record in numbered}

    def places(self, posted_at: dict[str, str]) -> dict[str, set[str]]:
        """Outbox rows and sealed batches that have these transactions, given with their times."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for near in _near_each_other(posted_at):
            for transaction_id, outbox_id, batch_id in self._run(
                queries.PLACES_SQL,
                ids=_array(near),
                first=posted_at[near[0]],
                last=posted_at[near[-1]],
            ):
                place = f"{OUTBOX} (row {outbox_id})" if batch_id is None else f"batch {batch_id}"
                found[transaction_id].add(place)
        return found

    def _batches(self, condition: str, **values: Any) -> list[Batch]:
        sql = queries.BATCHES_SQL.format(
            posted_at=queries.TEXT.format("posted_at"),
            columns=queries.BATCH_COLUMNS,
            condition=condition,
        )
        return list(_parsed(self._run(sql, **values)))

    def _run(self, sql: str, **values: Any) -> list[list[Any]]:
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._connection.run(sql, **values)  # type: ignore[no-any-return]
            except DatabaseError as error:
                if sqlstate(error) != _CONFLICT_WITH_RECOVERY:
                    raise
        return self._connection.run(sql, **values)  # type: ignore[no-any-return]


def _parsed(rows: Iterable[list[Any]]) -> Iterator[Batch]:
    for batch_id, posted_at, ids, is_waiting, seconds, number, previous, records, text in rows:
        link = None
        if number is not None:
            link = Link(number=number, previous_hash=previous, records_hash=records, hash=text)
        yield Batch(
            batch_id=batch_id,
            posted_at=posted_at,
            transaction_ids=tuple(ids.split(",")) if ids else (),
            is_waiting=is_waiting,
            sent_seconds=seconds or 0.0,
            link=link,
        )


def _near_each_other(posted_at: dict[str, str]) -> Iterator[list[str]]:
    """Ids in groups, each in the order of time: between groups may be many other transactions."""
    group: list[str] = []
    for transaction_id in sorted(posted_at, key=posted_at.__getitem__):
        moment = moment_of(posted_at[transaction_id])
        if group and moment - moment_of(posted_at[group[-1]]) > _NEAR:
            yield group
            group = []
        group.append(transaction_id)
    if group:
        yield group


def _array(texts: Iterable[str]) -> str:
    return "{" + ",".join(texts) + "}"
