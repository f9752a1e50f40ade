"""Answers of the verifier about one transaction, at each place of its way."""

from typing import Any, Final

ID: Final = "01a218b0-0000-7000-8000-000000000001"  # made at 2026-11-26T16:28:37.248Z
TRACE: Final = "1-67891233-abcdef012345678912345678"
MESSAGE: Final = "5a3f0c1e-6a52-4f0e-9c8e-2f1de0b7a001"
BATCH: Final = "01a218b0-1000-7000-8000-000000000002"
KEY: Final = f"audit/2026/11/26/{BATCH}.ndjson.gz"
POSTED_AT: Final = "2026-11-26T16:29:37.000001Z"
NOW: Final = "2026-11-26T16:29:50.000000Z"


def recorded(**changes: Any) -> dict[str, Any]:
    return {
        "transaction_id": ID,
        "kind": "transfer",
        "state": "posted",
        "reason": None,
        "posted_at": POSTED_AT,
        "path": "api",
        "client_id": "shop",
        "user_id": "ada",
        "trace_id": TRACE,
        "message_id": None,
        "debit_account": 1,
        "credit_account": 2,
        "amount_minor": 1250,
        "currency": "USD",
        "target_id": None,
        "chain_id": None,
    } | changes


def by_message(**changes: Any) -> dict[str, Any]:
    return recorded(path="queue", trace_id=None, message_id=MESSAGE, **changes)


def batch(**changes: Any) -> dict[str, Any]:
    return {
        "batch_id": BATCH,
        "chain_number": 7,
        "posted_at": POSTED_AT,
        "sealed_at": "2026-11-26T16:29:38.000000Z",
        "sent_at": "2026-11-26T16:29:38.200000Z",
        "due_at": None,
        "refusals": 0,
        "last_error": None,
        "transactions": 3,
    } | changes


def stored(**changes: Any) -> dict[str, Any]:
    return {
        "key": KEY,
        "version_id": "v1",
        "versions": 1,
        "modified_at": "2026-11-26T16:29:39.000000Z",
        "size": 512,
        "sha256": "aGFzaA==",
        "chain_number": 7,
        "record_hash": "b" * 64,
        "faults": [],
    } | changes


def trace(transaction: Any = None, *, now: str = NOW, **places: Any) -> dict[str, Any]:
    nothing = {"outbox": None, "batch": None, "key": None, "object": None}
    return {"now": now, "transaction": transaction} | nothing | places


def complete(transaction: Any = None, **changes: Any) -> dict[str, Any]:
    places = {"batch": batch(), "key": KEY, "object": stored()} | changes
    return trace(transaction or recorded(), **places)
