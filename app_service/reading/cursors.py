"""Opaque cursors: where the next page of a listing starts, and of which query it is.

A cursor only says where to continue. It gives no rights: every page is checked like the first.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from app_service.ledger.domain import rfc3339
from app_service.ledger.fields import InvalidField, parse_record, shape

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_FORMAT = 1
_LENGTH_MAX = 1024
_T = TypeVar("_T", bound="DataclassInstance")


def write_cursor(position: "DataclassInstance", query: Mapping[str, str]) -> str:
    """`position`: a dataclass whose fields have rules (fields.py)."""
    document = {
        "format": _FORMAT,
        "query": _digest(query),
        "position": {name: _plain(value) for name, value in asdict(position).items()},
    }
    text = json.dumps(document, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def read_cursor(position: type[_T], text: str, query: Mapping[str, str]) -> _T:
    """The position in a cursor that `write_cursor` made for an equal query. Raises InvalidField."""
    found = _decoded(text)
    if found.get("query") != _digest(query):
        raise InvalidField(
            "cursor: it belongs to another query; send it with the path and the parameters of the "
            "request that returned it (only limit may differ)"
        )
    try:
        return parse_record(position, "position", found.get("position"))
    except InvalidField:
        raise _no_cursor(text) from None


def _decoded(text: str) -> dict[str, Any]:
    if len(text) > _LENGTH_MAX:
        raise _no_cursor(text)
    try:
        padded = text + "=" * (-len(text) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):  # ValueError: not ASCII, not JSON
        raise _no_cursor(text) from None
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise _no_cursor(text)
    return found


def _no_cursor(text: str) -> InvalidField:
    return InvalidField(
        f"cursor: must be next_cursor of an earlier answer, unchanged, got {shape(text)}"
    )


def _digest(query: Mapping[str, str]) -> str:
    text = json.dumps(query, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    return str(value) if isinstance(value, UUID) else value
