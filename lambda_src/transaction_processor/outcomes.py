"""What became of a message, as its sender is told (docs/outcomes.md)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from app_service.ledger.transaction import Transaction
from lambda_src.shared.dead_letters import REASON_LENGTH_MAX
from lambda_src.shared.first_send import first_message_id, first_sent_at
from lambda_src.shared.message_attributes import text_of_sender
from lambda_src.shared.messages import Message
from lambda_src.transaction_processor.sender import user_of
from lambda_src.transaction_processor.settings import CORRELATION_ID

_CORRELATION_ID_LENGTH_MAX = 256
# `json.dumps` with separators makes an encoder for each call, which takes longer than its work.
_encode = json.JSONEncoder(separators=(",", ":")).encode


class DetailType(StrEnum):
    """The detail type of the event that reports an outcome."""

    POSTED = "Transactions posted"
    REFUSED = "Transactions refused"
    DEAD_LETTERED = "Messages dead-lettered"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`transaction` is None if the message holds none that can be read.

    `result` is the word in the event: `posted`, `replayed`, `refused` or `dead_lettered`.
    """

    detail_type: DetailType
    message: Message
    result: str
    reason: str = ""
    transaction: Transaction | None = None

    def to_text(self, *, processor_role_id: str) -> str:
        """Compact JSON in ASCII. Fields without a value are absent."""
        message, transaction = self.message, self.transaction
        found: dict[str, Any] = {
            "message_id": first_message_id(message, role_id=processor_role_id),
            "result": self.result,
            "reason": self.reason[:REASON_LENGTH_MAX],
            "sender": user_of(message, processor_role_id=processor_role_id),
            "first_sent_at": rfc3339(first_sent_at(message, role_id=processor_role_id)),
            "correlation_id": _correlation_id(message, processor_role_id),
        }
        if transaction is not None:
            found |= {
                "transaction_id": str(transaction.transaction_id),
                "kind": transaction.kind,
                "amount_minor": transaction.amount_minor,
                "currency": transaction.currency,
            }
        return _encode({name: value for name, value in found.items() if value})


def posted(message: Message, transaction: Transaction, *, verdict: str) -> Outcome:
    """`verdict`: `posted` now, or `replayed`: posted before."""
    return Outcome(
        detail_type=DetailType.POSTED, message=message, result=verdict, transaction=transaction
    )


def refused(message: Message, transaction: Transaction, *, reason: str) -> Outcome:
    return Outcome(
        detail_type=DetailType.REFUSED,
        message=message,
        result="refused",
        reason=reason,
        transaction=transaction,
    )


def dead_lettered(message: Message, transaction: Transaction | None, *, reason: str) -> Outcome:
    return Outcome(
        detail_type=DetailType.DEAD_LETTERED,
        message=message,
        result="dead_lettered",
        reason=reason,
        transaction=transaction,
    )


def _correlation_id(message: Message, processor_role_id: str) -> str:
    """A longer one is left out: a part of it would name another message."""
    found = text_of_sender(message, CORRELATION_ID, role_id=processor_role_id)
    return found if len(found) <= _CORRELATION_ID_LENGTH_MAX else ""


def rfc3339(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_to_the_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=64)  # most messages of a batch were sent in the same few seconds
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
