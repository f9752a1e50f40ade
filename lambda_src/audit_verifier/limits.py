"""How much is held in memory at once, and how long something may be on its way."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    # A batch that was sent longer ago must have its object.
    missing_after_seconds: float = 900.0
    # An object that was written a shorter time ago may be ahead of what a standby knows.
    unknown_after_seconds: float = 60.0
    transactions: int = 50_000  # ids of posted transactions whose batch was not yet read
    batches: int = 32  # compared at once; each object is at most OBJECT_BYTES_MAX
    reads: int = 8  # objects that are read in parallel
    stop_before_seconds: float = 60.0  # what is left then of the caller's time is for its answer


OBJECT_BYTES_MAX = 16 * 1024 * 1024  # uncompressed; a message of 1 MiB has at most 3 MiB as ASCII
