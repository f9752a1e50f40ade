"""Moments in requests: RFC 3339."""

import re
from datetime import UTC, datetime
from typing import Annotated

from app_service.ledger.fields import InvalidField, Rule, shape

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)


def parse_moment(name: str, value: object) -> datetime:
    """In UTC. Raises InvalidField; a plus sign that a URL has turned into a space is an error."""
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):  # no such day or hour, or before the year 1
            pass
    raise InvalidField(
        f"{name}: must be a time with zone and at most 6 digits of a second, for example "
        f"2026-01-31T23:59:59.5Z or 2026-01-31T23:59:59%2B02:00 in a URL, got {shape(value)}"
    )


Moment = Annotated[
    datetime,
    Rule(
        parse=parse_moment,
        schema={"type": "string", "format": "date-time"},
        sql_type="timestamptz",
    ),
]
