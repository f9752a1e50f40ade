"""Moments as they are written down: RFC 3339, in UTC, to the second, so that texts sort as times."""

from datetime import UTC, datetime, timedelta


def as_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_moment(text: str) -> datetime:
    """Raises ValueError for what is no time in UTC."""
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() != timedelta(0):
        raise ValueError(f"{text!r} is not in UTC")
    return moment.astimezone(UTC)
