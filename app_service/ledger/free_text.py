"""What clients attach to a transaction and the ledger only carries: reference and metadata.

That PostgreSQL can store their characters is the rule of all JSON that arrives (json_input). In a
URL there are no halves of surrogate pairs: they are decoded as U+FFFD.

Standard library only: the transaction processor bundles it.
"""

import json
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any

from app_service.ledger.fields import MAX_INTEGER, InvalidField, Rule, shape

REFERENCE_LENGTH_MAX = 200
METADATA_BYTES_MAX = 4096
METADATA_DEPTH_MAX = 8


def parse_reference(name: str, value: object) -> str:
    if (
        isinstance(value, str)
        and 1 <= len(value) <= REFERENCE_LENGTH_MAX
        and not any(unicodedata.category(character) == "Cc" for character in value)
    ):
        return value
    raise InvalidField(
        f"{name}: must be 1 to {REFERENCE_LENGTH_MAX} characters without control characters, "
        f"got {shape(value)}"
    )


def parse_metadata(name: str, value: object) -> Mapping[str, Any]:
    """An object whose values every JSON reader and PostgreSQL keep exactly."""
    if not isinstance(value, dict):
        raise InvalidField(f"{name}: must be an object, got {shape(value)}")
    _check(name, value, depth=1)
    size = len(metadata_text(value).encode())
    if size > METADATA_BYTES_MAX:
        raise InvalidField(
            f"{name}: must be at most {METADATA_BYTES_MAX} bytes of JSON in UTF-8, got {size}"
        )
    return value


def metadata_text(value: Mapping[str, Any]) -> str:
    """As compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _check(name: str, value: object, *, depth: int) -> None:
    if isinstance(value, (dict, list)) and depth > METADATA_DEPTH_MAX:
        raise InvalidField(f"{name}: must be nested at most {METADATA_DEPTH_MAX} deep, got more")
    if isinstance(value, dict):
        for found in value.values():
            _check(name, found, depth=depth + 1)
    elif isinstance(value, list):
        for found in value:
            _check(name, found, depth=depth + 1)
    elif not (value is None or isinstance(value, (str, bool)) or _is_exact(value)):
        raise InvalidField(
            f"{name}: numbers in it must be integers from -(2^53-1) to 2^53-1, got {shape(value)}; "
            "write others as strings, because readers of JSON round them"
        )


def _is_exact(value: object) -> bool:
    return type(value) is int and abs(value) <= MAX_INTEGER


Reference = Annotated[
    str,
    Rule(
        parse=parse_reference,
        schema={
            "type": "string",
            "minLength": 1,
            "maxLength": REFERENCE_LENGTH_MAX,
            "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        },
        sql_type="text",
    ),
]
Metadata = Annotated[
    Mapping[str, Any],
    Rule(
        parse=parse_metadata,
        schema={
            "type": "object",
            "description": f"At most {METADATA_BYTES_MAX} bytes of JSON, nested at most "
            f"{METADATA_DEPTH_MAX} deep; numbers are integers within 2^53-1.",
        },
        sql_type="jsonb",
        to_sql=metadata_text,
    ),
]
