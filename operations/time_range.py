"""FROM and TO of a command: the time that it is asked about."""

from datetime import UTC, datetime


class BadTimeRange(Exception):
    """FROM or TO is not what it must be; the message says what it must be."""


def parse_time_range(start: str, end: str) -> tuple[datetime | None, datetime | None]:
    """Both in UTC; None for one that is empty. Raises BadTimeRange."""
    first, last = _moment(start, name="FROM"), _moment(end, name="TO")
    if first is not None and last is not None and first >= last:
        raise BadTimeRange(f"FROM={start} is not before TO={end}")
    return first, last


def _moment(text: str, *, name: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadTimeRange(
            f"{name}={text!r}: must be a time with its zone (RFC 3339), such as "
            f"{name}=2026-11-26T08:00:00Z"
        )
    return moment.astimezone(UTC)
