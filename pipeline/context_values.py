"""Reads values of the CDK context; every error names the field, its value and the rule."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, NoReturn

from infra.errors import ConfigurationError

PORTS: Final = range(1, 65536)


def json_object(key: str, value: object) -> dict[str, Any]:
    """Return an object of cdk.json, or of its JSON text from the command line; {} if there is none.

    Raises ConfigurationError.
    """
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ConfigurationError(f"{key} is {value!r}: it must be a JSON object") from None
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{key} is {value!r}: it must be an object")
    return dict(value)


def text_field(
    key: str, fields: Mapping[str, Any], name: str, pattern: re.Pattern[str], rule: str
) -> str:
    """Return the text `fields[name]`. Raises ConfigurationError if it does not match `pattern`."""
    value = fields.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ConfigurationError(f"{key}.{name} is {value!r}: it must be {rule}")
    return value


def matching(key: str, value: object, pattern: re.Pattern[str], rule: str) -> str | None:
    """Return a text of `pattern`; None if the key is not set. Raises ConfigurationError."""
    text = text_value(key, value)
    if text is not None and not pattern.fullmatch(text):
        raise ConfigurationError(f"{key} is {text!r}: it must be {rule}")
    return text


def one_of(key: str, value: object, known: Collection[str]) -> str:
    """Raises ConfigurationError if the value is not `known`, or is missing."""
    text = text_value(key, value) or missing(key)
    if text not in known:
        raise ConfigurationError(f"{key} is {text!r}: it must be one of {', '.join(known)}")
    return text


def port_number(key: str, value: object) -> int:
    """Raises ConfigurationError."""
    text = str(value)
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) not in PORTS:
        raise ConfigurationError(
            f"{key} is {value!r}: it must be a port from {PORTS[0]} to {PORTS[-1]}"
        )
    return int(text)


def text_value(key: str, value: object) -> str | None:
    """Return None if the key is not set. Raises ConfigurationError for another type than text."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ConfigurationError(f"{key} is {value!r}: it must be text, in quotes in cdk.json")
    return value


def missing(key: str) -> NoReturn:
    """Raises ConfigurationError, which says where to set the key."""
    raise ConfigurationError(f"{key} is missing: set it in cdk.json or with -c {key}=...")


def as_text(value: object) -> str:
    """Return a value in the form of the command line."""
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    return str(value)
