"""How much is held in memory at once, and how long something may be on its way."""

from dataclasses import dataclass
from typing import Final

from lambda_src.audit_verifier.settings import MISSING_AFTER_SECONDS

# Of an object, as stored and uncompressed: a message of 1 MiB has at most 6 MiB as ASCII.
OBJECT_BYTES_MAX: Final = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    # A batch that was sent longer ago must have its object.
    missing_after_seconds: float = MISSING_AFTER_SECONDS
    # An object that was written a shorter time ago may be ahead of what a standby knows.
    unknown_after_seconds: float = 10.0
    transactions: int = 40_000  # ids of posted transactions whose batch was not yet read
    batches: int = 32  # compared at once
    stored_bytes: int = 4 * OBJECT_BYTES_MAX  # of their objects
    reads: int = 8  # objects that are read in parallel
    stop_before_seconds: float = 60.0  # of the caller's time, for its answer
