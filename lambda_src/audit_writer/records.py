"""The rules of a record: what every version of the ledger has written, and nothing else."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from app_service.ledger.actor import Path
from app_service.ledger.fields import InvalidField, parse_integer, parse_uuid, shape
from app_service.ledger.free_text import REFERENCE_LENGTH_MAX
from app_service.ledger.kinds import Kind
from app_service.ledger.origin import is_message_id, is_trace
from app_service.outbox.canonical_record import HASH, record_hash

_CURRENCY = re.compile(r"[A-Z]{3}")
_HASH = re.compile(r"[0-9a-f]{64}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)", re.ASCII)


def parse_moment(name: str, value: object) -> datetime:
    """An RFC 3339 time in UTC: another offset could store one batch under two dates."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        with suppress(ValueError):
            return datetime.fromisoformat(value).astimezone(UTC)
    raise InvalidField(f"{name}: must be an RFC 3339 time in UTC, got {shape(value)}")


def parse_hash(name: str, value: object) -> str:
    if isinstance(value, str) and _HASH.fullmatch(value):
        return value
    raise InvalidField(
        f"{name}: must be a SHA-256 of 64 hex digits in lower case, got {shape(value)}"
    )


def _currency(name: str, value: object) -> None:
    # Any code that the ledger may get by a migration: it has checked the currency.
    if not (isinstance(value, str) and _CURRENCY.fullmatch(value)):
        raise InvalidField(f"{name}: must be a code of 3 capital letters, got {shape(value)}")


def _reference(name: str, value: object) -> None:
    if not (isinstance(value, str) and 1 <= len(value) <= REFERENCE_LENGTH_MAX):
        raise InvalidField(
            f"{name}: must be 1 to {REFERENCE_LENGTH_MAX} characters, got {shape(value)}"
        )


def _text(name: str, value: object) -> None:
    if not (isinstance(value, str) and value):
        raise InvalidField(f"{name}: must be a string that is not empty, got {shape(value)}")


def _object(name: str, value: object) -> None:
    if not isinstance(value, dict):
        raise InvalidField(f"{name}: must be an object, got {shape(value)}")


def _trace(name: str, value: object) -> None:
    if not (isinstance(value, str) and is_trace(value)):
        raise InvalidField(f"{name}: must be 1-<8 hex digits>-<24 hex digits>, got {shape(value)}")


def _message_id(name: str, value: object) -> None:
    if not (isinstance(value, str) and is_message_id(value)):
        raise InvalidField(f"{name}: must be a UUID in lower case, got {shape(value)}")


def _one_of(choices: type[StrEnum]) -> Callable[[str, object], None]:
    def check(name: str, value: object) -> None:
        if not (isinstance(value, str) and value in list(choices)):
            raise InvalidField(f"{name}: must be one of {', '.join(choices)}, got {shape(value)}")

    return check


_RULES: Final[Mapping[str, Callable[[str, object], object]]] = {
    "transaction_id": parse_uuid,
    "kind": _one_of(Kind),
    "debit_account": parse_integer,
    "credit_account": parse_integer,
    "amount_minor": parse_integer,
    "currency": _currency,
    "target_id": parse_uuid,
    "chain_id": parse_uuid,
    "expires_in_seconds": parse_integer,
    "reference": _reference,
    "metadata": _object,
    "client_id": _text,
    "user_id": _text,
    "path": _one_of(Path),
    "trace_id": _trace,
    "message_id": _message_id,
    "posted_at": parse_moment,
    HASH: parse_hash,
}
_ALWAYS: Final = frozenset(
    ("transaction_id", "debit_account", "credit_account", "amount_minor", "currency", "posted_at")
)
_TARGET: Final = frozenset(("target_id",))
_OF_KIND: Final = {
    Kind.TRANSFER: frozenset[str](),
    Kind.HOLD: frozenset(("expires_in_seconds",)),
    Kind.CAPTURE: _TARGET,
    Kind.VOID: _TARGET,
    Kind.REVERSAL: _TARGET,
    Kind.EXPIRY: _TARGET,
}
_OF_SOME_KINDS: Final = frozenset.union(*_OF_KIND.values())


def check_records(records: Iterable[object]) -> None:
    """Raises InvalidField with the place of the record, the field, what was found, and the rule.

    Fields that are not known here are those of a later version: they are allowed.
    """
    places: dict[str, int] = {}
    for number, record in enumerate(records):
        place = f"transactions[{number}]"
        _object(place, record)
        assert isinstance(record, dict)
        try:
            _check(record)
        except InvalidField as error:
            raise InvalidField(f"{place}.{error}") from None
        first = places.setdefault(record["transaction_id"].lower(), number)
        if first != number:
            raise InvalidField(
                f"{place}.transaction_id: must be in the batch once, got that of "
                f"transactions[{first}] again"
            )


def _check(record: Mapping[str, Any]) -> None:
    for field, rule in _RULES.items():
        if field in record:
            rule(field, record[field])
    # The first version of the ledger knew only transfers and wrote no kind.
    kind = Kind(record.get("kind", Kind.TRANSFER))
    needed = _ALWAYS | _OF_KIND[kind]
    missing = needed - record.keys()
    if missing:
        raise InvalidField(f"{min(missing)}: missing; a record of kind {kind} needs it")
    unused = (_OF_SOME_KINDS - needed) & record.keys()
    if unused:
        raise InvalidField(f"{min(unused)}: not a field of kind {kind}")
    if record["debit_account"] == record["credit_account"]:
        raise InvalidField("credit_account: must be another account than debit_account, got that")
    if HASH in record:
        expected = record_hash(record)
        if record[HASH] != expected:
            raise InvalidField(
                f"{HASH}: must be that of the record's canonical text, {expected}, "
                f"got {record[HASH]}"
            )
