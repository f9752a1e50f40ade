"""The key, the metadata and the hashes of an audit object, as docs/messages.md describes them.

The audit writer stores by them, and the verifier looks for them. The database computes the same
hashes by itself (ledger.take_batches).
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

AUDIT_PREFIX: Final = "audit/"  # of every record's key
FIRST_PREVIOUS_HASH: Final = "0" * 64  # which batch number 1 names

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# Names in the metadata.
NUMBER: Final = "chain-number"
PREVIOUS_HASH: Final = "chain-previous-hash"
RECORDS_HASH: Final = "chain-records-hash"
BATCH_HASH: Final = "chain-hash"
POSTED_AT: Final = "posted-at"
METADATA: Final = frozenset({NUMBER, PREVIOUS_HASH, RECORDS_HASH, BATCH_HASH, POSTED_AT})


def object_key(day: date, batch_id: str | UUID) -> str:
    """`day` in UTC: of the id if it has a time, else of the batch's `posted_at`."""
    return f"{AUDIT_PREFIX}{day:%Y/%m/%d}/{batch_id}.ndjson.gz"


def time_of_id(batch_id: UUID) -> datetime:
    """Of a UUIDv7: when the batch was sealed. Raises OverflowError after the year 9999."""
    return _EPOCH + timedelta(milliseconds=batch_id.int >> 80)


def records_hash(hashes: Iterable[str]) -> str:
    """Of the records' hashes in their order."""
    return _hash_of(hashes)


def batch_hash(
    *, previous_hash: str, number: int, batch_id: str | UUID, posted_at: str, records_hash: str
) -> str:
    """`posted_at` as the message writes it."""
    return _hash_of((previous_hash, str(number), str(batch_id), posted_at, records_hash))


def _hash_of(lines: Iterable[str]) -> str:
    return sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
