"""The transaction that a person asks for, and the time in which it was probably sent."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from app_service.ledger.fields import InvalidField, parse_uuid
from operations.time_range import BadTimeRange, parse_time_range
from operations.trace.log_lines import Window

_BEFORE: Final = timedelta(minutes=1)  # clocks differ
_AFTER: Final = timedelta(minutes=10)
_EARLIER_MAX: Final = timedelta(hours=1)  # that its id was made before it was posted
_UNKNOWN_FOR: Final = timedelta(hours=1)  # if nothing but its id is known
_UUID_WITH_TIME: Final = 7
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime(2020, 1, 1, tzinfo=UTC)  # no ledger is older


class BadSubject(Exception):
    """TRANSACTION, FROM or TO is not what it must be; the message says what it must be."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """`start` and `end` limit the log lines, if the person has given them."""

    transaction_id: UUID
    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def parse(cls, *, transaction: str, start: str = "", end: str = "") -> "Subject":
        """Raises BadSubject."""
        if not transaction:
            raise BadSubject("TRANSACTION is empty: it must be the id of a transaction, a UUID")
        try:
            transaction_id = parse_uuid("TRANSACTION", transaction.strip())
        except InvalidField as error:
            raise BadSubject(f"{error}: the id that the client chose") from None
        try:
            first, last = parse_time_range(start, end)
        except BadTimeRange as error:
            raise BadSubject(str(error)) from None
        return cls(transaction_id=transaction_id, start=first, end=last)

    def made_at(self, *, now: datetime) -> datetime | None:
        """When its id was made, if the id says it and the client's clock was right."""
        milliseconds = self.transaction_id.int >> 80
        last = (now + _BEFORE - _EPOCH) // timedelta(milliseconds=1)
        first = (_FIRST - _EPOCH) // timedelta(milliseconds=1)
        if self.transaction_id.version != _UUID_WITH_TIME or not first <= milliseconds <= last:
            return None
        return _EPOCH + timedelta(milliseconds=milliseconds)

    def window(self, *, posted_at: datetime | None, now: datetime) -> Window:
        """Of the log lines about its request or message, and about its posting."""
        made_at = self.made_at(now=now)
        if posted_at is not None:
            first = max(made_at or posted_at, posted_at - _EARLIER_MAX)
            start, end = min(first, posted_at) - _BEFORE, posted_at + _AFTER
        elif made_at is not None:
            start, end = made_at - _BEFORE, made_at + _UNKNOWN_FOR
        else:
            start, end = now - _UNKNOWN_FOR, now
        return Window(start=self.start or start, end=self.end or min(end, now + _BEFORE))
