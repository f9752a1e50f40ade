"""Records and `transactions.posted` messages, as the ledger makes and has made them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from app_service.outbox.canonical_record import record_hash
from lambda_src.shared.audit_objects import FIRST_PREVIOUS_HASH, batch_hash, records_hash

POSTED_AT: Final = "2026-11-21T23:59:59.999999Z"
BATCH_ID: Final = "0198c0de-0000-7000-8000-000000000001"  # sealed at 2025-08-19T07:37:50Z
EARLIER_BATCH_ID: Final = "00000000-0000-4000-8000-000000000001"  # not of version 7

_OF_KIND: Final[dict[str, dict[str, Any]]] = {
    "transfer": {},
    "hold": {"expires_in_seconds": 604_800},
    "capture": {"target_id": str(UUID(int=900))},
    "void": {"target_id": str(UUID(int=900))},
    "reversal": {"target_id": str(UUID(int=900))},
    "expiry": {"target_id": str(UUID(int=900)), "path": "ledger"},
}
KINDS: Final = tuple(_OF_KIND)


def first_version(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A record of the ledger's first version. A change to `...` leaves the field out."""
    record = {
        "transaction_id": str(UUID(int=number)),
        "debit_account": 11,
        "credit_account": 12,
        "amount_minor": 1250,
        "currency": "USD",
        "posted_at": POSTED_AT,
    }
    return {name: value for name, value in (record | changes).items() if value is not ...}


def before_the_chain(number: int = 1, *, kind: str = "transfer", **changes: Any) -> dict[str, Any]:
    """A record of the versions that wrote every kind and no hash."""
    actor: dict[str, Any] = {
        "client_id": "transaction-queue",
        "user_id": "AROA:invoicing",
        "path": "queue",
    }
    return first_version(number, **({"kind": kind} | actor | _OF_KIND[kind] | changes))


def record(number: int = 1, *, kind: str = "transfer", **changes: Any) -> dict[str, Any]:
    """A record with its hash; a change is made before the hash is computed."""
    return hashed(before_the_chain(number, kind=kind, **changes))


def hashed(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {**fields, "hash": record_hash(fields)}


def message(*records: object, **changes: Any) -> str:
    """A batch without a chain."""
    envelope = {
        "type": "transactions.posted",
        "version": 1,
        "batch_id": BATCH_ID,
        "posted_at": POSTED_AT,
        "transactions": list(records) or [record()],
    } | changes
    return json.dumps({name: value for name, value in envelope.items() if value is not ...})


def chained(
    *records: Mapping[str, Any],
    number: int = 1,
    previous_hash: str = FIRST_PREVIOUS_HASH,
    batch_id: str = BATCH_ID,
    posted_at: str = POSTED_AT,
    chain: Mapping[str, Any] | None = None,
    **changes: Any,
) -> str:
    """A batch with its chain; `chain` and `changes` are made after the hashes are computed."""
    batch: Sequence[Mapping[str, Any]] = records or [record()]
    of_records = records_hash([made["hash"] for made in batch])
    link = {
        "number": number,
        "previous_hash": previous_hash,
        "records_hash": of_records,
        "hash": batch_hash(
            previous_hash=previous_hash,
            number=number,
            batch_id=UUID(batch_id),
            posted_at=posted_at,
            records_hash=of_records,
        ),
    } | dict(chain or {})
    given = {"batch_id": batch_id, "posted_at": posted_at, "chain": link} | changes
    return message(*batch, **given)
