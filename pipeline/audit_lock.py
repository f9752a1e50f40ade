"""The `auditLockDays` key of the context: Object Lock for the audit trail."""

from typing import Final

from infra.audit_store import LOCK_DAYS_MAX
from infra.config import PROMOTED
from infra.errors import ConfigurationError
from pipeline.context_values import json_object

KEY: Final = "auditLockDays"
_KINDS: Final = tuple(config.kind for config in PROMOTED)


def parse_audit_lock(value: object) -> dict[str, int]:
    """Read the key: days by kind of environment, or its JSON text from the command line.

    Environments of branches come and go, and a locked bucket stays: they have no lock.
    Raises ConfigurationError, which names the field, its value and the rule.
    """
    by_kind = json_object(KEY, value)
    for kind, days in by_kind.items():
        if kind not in _KINDS:
            raise ConfigurationError(
                f"{KEY} has {kind!r}: it may have {', '.join(_KINDS)}. Their audit bucket is kept "
                "when the stack is deleted (docs/aws.md)"
            )
        if type(days) is not int or not 1 <= days <= LOCK_DAYS_MAX:
            raise ConfigurationError(
                f"{KEY}.{kind} is {days!r}: it must be a whole number of days from 1 to "
                f"{LOCK_DAYS_MAX}. For this number of days no record can be deleted, and the "
                "bucket is kept when the stack is deleted (docs/aws.md)"
            )
    return by_kind
