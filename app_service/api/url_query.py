"""Parameters in a URL: nothing is guessed and nothing is ignored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import Request

from app_service.ledger.fields import MAX_INTEGER, InvalidField
from app_service.ledger.moments import parse_moment
from app_service.reading.cursors import read_cursor, write_cursor

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PAGE_DEFAULT = 50
PAGE_MAX = 500
_PAGING = ("limit", "cursor")
_T = TypeVar("_T", bound="DataclassInstance")


def parse_query(request: Request, *allowed: str) -> dict[str, str]:
    """Each parameter once. Raises InvalidField for one that is repeated or unknown: a misspelled
    filter would otherwise return everything."""
    found: dict[str, str] = {}
    for name, text in request.query_params.multi_items():
        if name not in allowed:
            raise InvalidField(
                f"{name[:40]!r}: unknown parameter; known here: {', '.join(allowed) or 'none'}"
            )
        if name in found:
            raise InvalidField(f"{name}: must come once, came again")
        found[name] = text
    return found


def parse_digits(name: str, text: str, maximum: int) -> int:
    """A whole number from 1 to `maximum`. Raises InvalidField."""
    if text.isascii() and text.isdigit() and len(text) <= 16 and 1 <= int(text) <= maximum:
        return int(text)
    raise InvalidField(
        f"{name}: must be a whole number from 1 to {maximum}, got {len(text)} characters"
    )


def account_id_of(request: Request) -> int:
    """In the path. Raises InvalidField."""
    return parse_digits("account_id", request.path_params["account_id"], MAX_INTEGER)


def moment_in(query: Mapping[str, str], name: str) -> datetime | None:
    return parse_moment(name, query[name]) if name in query else None


def check_order(since: datetime | None, until: datetime | None) -> None:
    """Raises InvalidField."""
    if since is not None and until is not None and since > until:
        raise InvalidField("from: must not be later than to")


@dataclass(frozen=True, kw_only=True)
class Page:
    """Which part of a listing a request asks for."""

    limit: int
    cursor: str | None
    identity: Mapping[str, str]  # the query without its paging

    @classmethod
    def of(cls, request: Request, query: Mapping[str, str]) -> "Page":
        return cls(
            limit=parse_digits("limit", query.get("limit", str(PAGE_DEFAULT)), PAGE_MAX),
            cursor=query.get("cursor"),
            identity={name: text for name, text in query.items() if name not in _PAGING}
            | {"path": request.url.path},
        )

    def position(self, first: _T) -> _T:
        """Where it starts: at `first` if there is no cursor. Raises InvalidField."""
        if self.cursor is None:
            return first
        return read_cursor(type(first), self.cursor, self.identity)

    def next_cursor(self, position: "DataclassInstance | None") -> str | None:
        """None: it was the last page."""
        return None if position is None else write_cursor(position, self.identity)
