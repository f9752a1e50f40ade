"""A transaction as the ledger recorded it, with what became of it: one SELECT list, one value."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from app_service.ledger.domain import rfc3339
from app_service.ledger.transaction import COLUMNS, Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedTransaction:
    """Of a refused transaction the fields are what the client sent, and `posted_at` is the time of
    the refusal. A posted capture, void or reversal also has the accounts, amount and currency that
    followed from its target."""

    transaction: Transaction
    state: str  # posted, refused, or of a hold: pending, captured, voided, expired
    reason: str | None  # why it was refused
    chain_id: UUID | None  # the first transaction of its chain
    reversed_by: UUID | None
    expires_at: datetime | None  # of a hold
    closed_by: UUID | None  # of a hold: the capture, void or expiry
    client_id: str | None  # who sent it; None: from before actors were recorded
    user_id: str | None
    path: str | None
    trace_id: str | None  # of the request that posted it, as AWS writes it
    message_id: str | None  # or of the message
    posted_at: datetime

    def to_json(self) -> dict[str, Any]:
        """Without fields that it does not have."""
        more = {name: _plain(getattr(self, name)) for name in _RESULTS}
        return self.transaction.to_json() | {
            name: value for name, value in more.items() if value is not None
        }


_RESULTS = tuple(field.name for field in fields(RecordedTransaction) if field.name != "transaction")
_STORED = tuple(name for name in COLUMNS if name != "linked")  # chain_id says more

# For queries that have the transaction as `t`: what to select, and from where. LIMIT 1: each row
# finds its own by index, whatever the planner believes of the tables.
SELECT_LIST = ", ".join(f"t.{name}" for name in _STORED) + (
    ", coalesce(h.state, t.state) AS state, t.reason, t.chain_id, r.transaction_id AS reversed_by"
    ", h.expires_at, h.closed_by, t.client_id, t.user_id, t.path, t.posted_at"
    ", CASE t.path WHEN 'api' THEN ledger.trace_text(t.origin_id) END AS trace_id"
    ", CASE t.path WHEN 'queue' THEN t.origin_id::text END AS message_id"
)
JOINS = """
  LEFT JOIN LATERAL (SELECT h.state, h.expires_at, h.closed_by FROM ledger.holds h
                      WHERE t.kind = 'hold' AND h.hold_id = t.transaction_id LIMIT 1) h ON true
  LEFT JOIN LATERAL (SELECT r.transaction_id FROM ledger.transactions r
                      WHERE r.target_id = t.transaction_id AND r.kind = 'reversal'
                        AND r.state = 'posted' LIMIT 1) r ON true
"""


def recorded(row: asyncpg.Record) -> RecordedTransaction:
    """From a row of SELECT_LIST."""
    stored = {name: row[name] for name in _STORED}
    if stored["metadata"] is not None:
        stored["metadata"] = json.loads(stored["metadata"])
    return RecordedTransaction(
        transaction=Transaction(**stored), **{name: row[name] for name in _RESULTS}
    )


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    return str(value) if isinstance(value, UUID) else value
