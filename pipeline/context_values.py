"""Reads objects of the CDK context; every error names the field, its value and the rule."""

import json
import re
from collections.abc import Mapping
from typing import Any

from infra.errors import ConfigurationError


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
