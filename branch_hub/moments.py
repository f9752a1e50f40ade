"""Times as text: RFC 3339 in UTC, to the second, so that they sort."""

from datetime import UTC, datetime, timedelta


def as_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_moment(text: str) -> datetime:
    """Raises ValueError for a text that is no time in UTC."""
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() != timedelta(0):
        raise ValueError(f"{text!r} is not in UTC")
    return moment.astimezone(UTC)


def age(since: datetime, now: datetime) -> str:
    """Return the age in its largest unit: `3 days`, `1 hour`."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    number, unit = next(
        (minutes // size, unit)
        for size, unit in ((24 * 60, "day"), (60, "hour"), (1, "minute"))
        if minutes >= size or size == 1
    )
    return f"{number} {unit}{'' if number == 1 else 's'}"
