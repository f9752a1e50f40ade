"""Times as texts that sort, and ids that sort by time."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE = timedelta(milliseconds=1)


def text_of(moment: datetime) -> str:
    """As audit records write it: RFC 3339 in UTC with microseconds, which sorts by time."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def first_id_at(moment: datetime) -> str:
    """Every UUIDv7 of this millisecond or later sorts after it, every earlier one before."""
    digits = f"{(moment - _EPOCH) // _ONE:012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"


def is_time_ordered(batch_id: str) -> bool:
    """Whether this UUID is of version 7. Batches from before the chain have random ids."""
    return batch_id[14] == "7"
