"""The `faultInjection` key of the context: which environments have templates for drills."""

from typing import Final

from infra.config import KINDS
from infra.errors import ConfigurationError
from pipeline.context_values import json_object

KEY: Final = "faultInjection"
_KINDS: Final = tuple(config.kind for config in KINDS)


def parse_fault_injection(value: object) -> dict[str, bool]:
    """Read the key: true or false by kind of environment, or its JSON text.

    Raises ConfigurationError, which names the field, its value and the rule.
    """
    by_kind = json_object(KEY, value)
    for kind, is_on in by_kind.items():
        if kind not in _KINDS:
            raise ConfigurationError(f"{KEY} has {kind!r}: it may have {', '.join(_KINDS)}")
        if not isinstance(is_on, bool):
            raise ConfigurationError(f"{KEY}.{kind} is {is_on!r}: it must be true or false")
    return by_kind
