"""The event of an invocation: which window, and where a call before has stopped."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app_service.ledger.fields import InvalidField, parse_uuid
from lambda_src.audit_verifier.report import Window
from lambda_src.audit_verifier.settings import SCHEDULED, TRACE

# The schedule looks at the last two hours. What happened a moment ago is on its way.
SCHEDULED_START = timedelta(hours=2)
SCHEDULED_END = timedelta(minutes=10)


class BadRequest(Exception):
    """The event names no window; the message says which field is wrong and what is needed."""


def traced(event: Mapping[str, Any]) -> UUID | None:
    """The transaction whose way the event asks for; None if it asks for a verification.

    Raises BadRequest.
    """
    if TRACE not in event:
        return None
    try:
        (name, text), *others = event.items()
        if others:
            raise BadRequest(f"{TRACE} is the only field of its event, got {len(event)} fields")
        return parse_uuid(name, text)
    except InvalidField as error:
        raise BadRequest(str(error)) from None


@dataclass(frozen=True, kw_only=True)
class Request:
    window: Window
    cursor: Mapping[str, Any] | None = None

    @classmethod
    def parse(cls, event: Mapping[str, Any], *, now: datetime) -> "Request":
        """Raises BadRequest."""
        if event == SCHEDULED:
            return cls(window=Window(start=now - SCHEDULED_START, end=now - SCHEDULED_END))
        if unknown := event.keys() - {"from", "to", "cursor"}:
            raise BadRequest(f"unknown field {min(unknown)!r}; from, to and cursor are known")
        cursor = event.get("cursor")
        if cursor is not None and not isinstance(cursor, Mapping):
            raise BadRequest(f"cursor is {_shape(cursor)}; the cursor of an answer is needed")
        window = Window(start=_moment(event, "from"), end=_moment(event, "to"))
        if window.start and window.end and window.start >= window.end:
            raise BadRequest(f"from {event['from']} is not before to {event['to']}")
        return cls(window=window, cursor=cursor)


def _moment(event: Mapping[str, Any], name: str) -> datetime | None:
    text = event.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRequest(
            f"{name} is {_shape(text)}; an RFC 3339 time is needed, such as 2026-11-26T12:00:00Z"
        )
    return moment.astimezone(UTC)


def _shape(value: Any) -> str:
    return repr(value)[:80] if isinstance(value, str) else type(value).__name__
