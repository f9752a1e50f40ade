"""A posted batch in the audit trail's format: its content determines key and bytes."""

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app_service.ledger.kinds import MOVING, Kind
from lambda_src.audit_writer.settings import AUDIT_PREFIX
from lambda_src.shared.messages import Unprocessable, open_envelope
from lambda_src.shared.queue_messages import POSTED_TYPE, POSTED_VERSION


@dataclass(frozen=True, kw_only=True)
class PostedBatch:
    batch_id: UUID
    posted_at: datetime  # in UTC
    transactions: tuple[dict[str, Any], ...]

    @classmethod
    def parse(cls, body: str) -> "PostedBatch":
        """The batch of a `transactions.posted` message. Raises Unprocessable."""
        envelope = open_envelope(body, message_type=POSTED_TYPE, version=POSTED_VERSION)
        return cls(
            batch_id=_batch_id(envelope),
            posted_at=_posted_at(envelope),
            transactions=_transactions(envelope),
        )

    @property
    def key(self) -> str:
        """The object's key: a second delivery of this batch finds the first object."""
        return f"{AUDIT_PREFIX}{self.posted_at:%Y/%m/%d}/{self.batch_id}.ndjson.gz"

    @property
    def amounts_minor(self) -> Counter[str]:
        """The amounts moved, by currency. For information: unusual values are left out."""
        amounts: Counter[str] = Counter()
        for transaction in self.transactions:
            # Holds, voids and expiries move nothing. The version before wrote no kind.
            is_moving = transaction.get("kind", Kind.TRANSFER) in MOVING
            currency, amount = transaction.get("currency"), transaction.get("amount_minor")
            if is_moving and isinstance(currency, str) and isinstance(amount, int):
                amounts[currency] += amount
        return amounts

    @property
    def content(self) -> bytes:
        """One JSON object per line, compressed, without the time of writing: reproducible."""
        lines = [json.dumps(t, separators=(",", ":")) + "\n" for t in self.transactions]
        return gzip.compress("".join(lines).encode("ascii"), mtime=0)


def _batch_id(envelope: Mapping[str, Any]) -> UUID:
    text = envelope.get("batch_id")
    try:
        return UUID(text)
    except (TypeError, ValueError, AttributeError):
        raise _invalid("batch_id", text, "a UUID") from None


def _posted_at(envelope: Mapping[str, Any]) -> datetime:
    text = envelope.get("posted_at")
    rule = "an RFC 3339 time in UTC"
    try:
        moment = datetime.fromisoformat(text)  # type: ignore[arg-type]  # refused below if not text
    except (TypeError, ValueError):
        raise _invalid("posted_at", text, rule) from None
    if moment.utcoffset() != timedelta(0):  # another offset could store one batch under two dates
        raise _invalid("posted_at", text, rule)
    return moment.astimezone(UTC)


def _transactions(envelope: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    found = envelope.get("transactions")
    if not isinstance(found, list) or not found or not all(isinstance(t, dict) for t in found):
        raise _invalid("transactions", found, "an array of at least one object")
    return tuple(found)


def _invalid(field: str, value: Any, rule: str) -> Unprocessable:
    shape = repr(value) if isinstance(value, str) else type(value).__name__
    return Unprocessable(f"invalid_batch: {field} is {shape[:80]}, {rule} is needed")
