"""Reads one field of the `source` key; the error names the field to set."""

import re
from typing import Any

from infra.errors import ConfigurationError


def text_field(fields: dict[str, Any], name: str, pattern: re.Pattern[str], rule: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ConfigurationError(f"source.{name} is {value!r}: it must be {rule}")
    return value
