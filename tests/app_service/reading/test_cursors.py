"""Cursors are opaque, of one query, and checked."""

import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app_service.ledger.fields import Identifier, InvalidField, PositiveInteger
from app_service.ledger.moments import Moment
from app_service.reading.cursors import read_cursor, write_cursor


@dataclass(frozen=True, kw_only=True)
class Place:
    number: PositiveInteger
    at: Moment
    id: Identifier


PLACE = Place(number=7, at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), id=UUID(int=9))
QUERY = {"path": "/things", "state": "posted"}


def test_a_cursor_returns_its_position_and_fits_a_url() -> None:
    for place in (
        PLACE,
        replace(PLACE, at=datetime.max.replace(tzinfo=UTC), id=UUID(int=2**128 - 1)),
    ):
        cursor = write_cursor(place, QUERY)
        assert cursor.replace("-", "").replace("_", "").isalnum()
        assert read_cursor(Place, cursor, dict(reversed(QUERY.items()))) == place


@pytest.mark.parametrize(
    "other", [{}, QUERY | {"path": "/others"}, QUERY | {"state": "all"}, QUERY | {"to": ""}]
)
def test_a_cursor_of_another_query_is_refused(other: dict[str, str]) -> None:
    with pytest.raises(InvalidField, match=r"^cursor: it belongs to another query"):
        read_cursor(Place, write_cursor(PLACE, QUERY), other)


def _with(**changes: object) -> str:
    document = json.loads(base64.urlsafe_b64decode(write_cursor(PLACE, QUERY) + "=="))
    text = json.dumps(document | changes)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "7",
        "\u0661",
        "====",
        base64.urlsafe_b64encode(b"\xff").decode(),
        base64.urlsafe_b64encode(b"[]").decode(),
        base64.urlsafe_b64encode(b"{").decode(),
        base64.urlsafe_b64encode(b"[" * 700).decode(),
        write_cursor(PLACE, QUERY) + "A" * 2000,
        write_cursor(PLACE, QUERY)[:-3],
        _with(format=2),
        _with(position=None),
        _with(position={}),
        _with(position={"number": 0, "at": "2026-01-02T03:04:05Z", "id": str(UUID(int=9))}),
        _with(position={"number": 1, "at": "yesterday", "id": str(UUID(int=9))}),
        _with(position={"number": 1, "at": 5, "id": str(UUID(int=9))}),
    ],
)
def test_what_is_no_cursor_is_refused_without_repeating_it(cursor: str) -> None:
    with pytest.raises(InvalidField, match=r"^cursor: must be next_cursor") as refused:
        read_cursor(Place, cursor, QUERY)
    assert str(refused.value).endswith(f"got a string of {len(cursor)} characters")
