"""The event of an invocation is checked before anything is read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lambda_src.audit_verifier.report import Window
from lambda_src.audit_verifier.request import BadRequest, Request

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def test_times_of_any_offset_are_taken_in_utc() -> None:
    event = {"from": "2026-11-26T11:00:00+01:00", "to": "2026-11-26T11:00:00Z", "cursor": {"a": 1}}
    request = Request.parse(event, now=NOW)
    assert request.window == Window(
        start=datetime(2026, 11, 26, 10, tzinfo=UTC), end=datetime(2026, 11, 26, 11, tzinfo=UTC)
    )
    assert request.cursor == {"a": 1}


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"from": "yesterday"}, "from is 'yesterday'; an RFC 3339 time is needed"),
        ({"to": 7}, "to is int; an RFC 3339 time is needed"),
        ({"from": "2026-11-26T11:00:00"}, "from is '2026-11-26T11:00:00'; an RFC 3339"),
        ({"from": "2026-11-26T11:00:00Z", "to": "2026-11-26T11:00:00Z"}, "is not before to"),
        ({"cursor": "x"}, "cursor is 'x'; the cursor of an answer is needed"),
        ({"form": None}, "unknown field 'form'; from, to and cursor are known"),
    ],
)
def test_what_is_wrong_is_named(event: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        Request.parse(event, now=NOW)
