"""Fields of transactions and requests: how each is read from JSON, described and stored.

Standard library only: the transaction processor bundles it.
"""

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_type_hints
from uuid import UUID

from app_service.ledger.currencies import EXPONENTS

# The largest integer that every JSON reader keeps exactly (RFC 8259 section 6).
MAX_INTEGER = 2**53 - 1

_CODE_LENGTH = 3
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_USER_ID = re.compile(r"[A-Za-z0-9._@:+-]{1,128}")
CLIENT_ID_RULE = "1 to 64 characters of a-z, 0-9 and -"
_CLIENT_ID = re.compile(r"[a-z0-9-]{1,64}")
_T = TypeVar("_T")


class InvalidField(Exception):
    """A field breaks its rule; a retry cannot help. The message starts with the field's name."""


@dataclass(frozen=True, kw_only=True, eq=False)  # by identity: annotations are hashed
class Rule:
    """The rule of a field. `parse` takes the field's name and value and raises InvalidField;
    `schema` is the same rule as JSON Schema. `to_sql` makes what drivers send as `sql_type` from a
    value that is not of a type they know."""

    parse: Callable[[str, object], Any]
    schema: Mapping[str, Any]
    sql_type: str
    to_sql: Callable[[Any], object] | None = None


@cache
def rules_of(record: type) -> dict[str, Rule]:
    """The rule of each field of a dataclass whose fields are all annotated with one, in order."""
    hints = get_type_hints(record, include_extras=True)
    return {field.name: _rule(hints[field.name]) for field in fields(record)}


def _rule(hint: Any) -> Rule:
    """The rule in `Annotated[...]`, also in `Annotated[...] | None`."""
    annotated = hint if hasattr(hint, "__metadata__") else get_args(hint)[0]
    found = annotated.__metadata__[0]
    assert isinstance(found, Rule)
    return found


@cache
def required_fields_of(record: type) -> frozenset[str]:
    return frozenset(field.name for field in fields(record) if field.default is MISSING)


def parse_record(record: type[_T], name: str, document: object) -> _T:
    """A `record` from decoded JSON, each field by its rule.

    Nothing is guessed: no unknown field, no number in a string, no float for money.
    Raises InvalidField with the field, the kind of value found, and the rule.
    """
    kind: type = record
    rules = rules_of(kind)
    found = parse_object(name, document, required=required_fields_of(kind), allowed=rules.keys())
    return record(**{field: rules[field].parse(field, found[field]) for field in found})


def parse_object(
    name: str, value: object, *, required: Set[str], allowed: Set[str]
) -> Mapping[str, object]:
    """A JSON object with all required fields and no unknown one, or InvalidField."""
    if not isinstance(value, dict):
        raise InvalidField(f"{name}: must be an object, got {shape(value)}")
    if required <= value.keys() <= allowed:  # the usual case
        return value
    missing = required - value.keys()
    if missing:
        raise InvalidField(f"{min(missing)}: missing")
    unknown = value.keys() - allowed
    raise InvalidField(f"{min(map(str, unknown))[:40]!r}: unknown field")


def parse_uuid(name: str, value: object) -> UUID:
    if isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    raise InvalidField(f"{name}: must be a UUID of 32 hex digits in groups, got {shape(value)}")


def parse_integer(name: str, value: object) -> int:
    # Not isinstance: True is an int to Python, and no amount of money.
    if type(value) is int and 1 <= value <= MAX_INTEGER:
        return value
    raise InvalidField(f"{name}: must be an integer from 1 to 2^53-1, got {shape(value)}")


def parse_currency(name: str, value: object) -> str:
    if isinstance(value, str) and value in EXPONENTS:
        return value
    found = ascii(value) if isinstance(value, str) and len(value) == _CODE_LENGTH else shape(value)
    raise InvalidField(
        f"{name}: must be a code of ISO 4217 that has a minor unit, in capitals, such as USD, "
        f"got {found}"
    )


def parse_user_id(name: str, value: object) -> str:
    if isinstance(value, str) and _USER_ID.fullmatch(value):
        return value
    raise InvalidField(
        f"{name}: must be 1 to 128 letters, digits or . _ @ : + -, got {shape(value)}"
    )


def is_client_id(text: str) -> bool:
    return _CLIENT_ID.fullmatch(text) is not None


def parse_client_id(name: str, value: object) -> str:
    if isinstance(value, str) and is_client_id(value):
        return value
    raise InvalidField(f"{name}: must be {CLIENT_ID_RULE}, got {shape(value)}")


def parse_flag(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidField(f"{name}: must be true or false, got {shape(value)}")


def shape(value: object) -> str:
    """The kind and size of a value, never its contents: fit for logs and error messages."""
    if isinstance(value, str):
        return f"a string of {len(value)} characters"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)} fields"
    if type(value) is int:
        return _integer_shape(value)
    return _PLAIN_SHAPES.get(type(value), "no JSON value")


_PLAIN_SHAPES = {
    type(None): "null",
    bool: "a boolean",
    float: "a number with a fraction or exponent",
}


def _integer_shape(value: int) -> str:
    if value < 0:
        return "a negative integer"
    if value == 0:
        return "zero"
    return "an integer above 2^53-1" if value > MAX_INTEGER else "an integer"


def _pattern(pattern: re.Pattern[str]) -> dict[str, str]:
    return {"type": "string", "pattern": f"^{pattern.pattern}$"}


Identifier = Annotated[
    UUID,
    Rule(parse=parse_uuid, schema={"type": "string", "format": "uuid"}, sql_type="uuid"),
]
PositiveInteger = Annotated[
    int,
    Rule(
        parse=parse_integer,
        schema={"type": "integer", "minimum": 1, "maximum": MAX_INTEGER},
        sql_type="bigint",
    ),
]
Currency = Annotated[
    str,
    Rule(
        parse=parse_currency,
        schema={"type": "string", "enum": sorted(EXPONENTS), "description": "ISO 4217"},
        sql_type="text",
    ),
]
UserId = Annotated[str, Rule(parse=parse_user_id, schema=_pattern(_USER_ID), sql_type="text")]
ClientId = Annotated[str, Rule(parse=parse_client_id, schema=_pattern(_CLIENT_ID), sql_type="text")]
Flag = Annotated[
    bool,
    Rule(parse=parse_flag, schema={"type": "boolean", "default": False}, sql_type="boolean"),
]
