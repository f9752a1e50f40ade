"""The `branches` key of cdk.json: quota, lifetime, protected branches, modes of the deletions, and
when environments sleep."""

from dataclasses import dataclass
from typing import Any, Final, Self

from infra.errors import ConfigurationError
from pipeline.context_values import json_object
from pipeline.sleep_schedule import SleepSchedule

KEY: Final = "branches"
QUOTAS: Final = range(1, 101)
LIFETIMES_DAYS: Final = range(1, 366)
# The modes of the reconciler and of the asset collector: report the plan, or carry it out.
REPORT, APPLY = "report", "apply"


@dataclass(frozen=True, kw_only=True)
class BranchSettings:
    """`protected` holds shell patterns; the trunk is always protected."""

    # Beside staging and production a new account has one elastic IP left (docs/aws.md).
    quota: int = 1
    lifetime_days: int = 14
    protected: tuple[str, ...] = ("release/*",)
    reconcile: str = REPORT
    collect: str = REPORT
    sleep: SleepSchedule | None = None  # None: they never sleep

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read the `branches` key: an object from cdk.json, or its JSON text.

        Missing fields have their defaults. Raises ConfigurationError, which names the key to set.
        """
        fields = {**cls().to_json(), **json_object(KEY, value)}
        if unknown := sorted(fields.keys() - cls().to_json().keys()):
            raise ConfigurationError(
                f"{KEY}.{unknown[0]} is not known: it must be one of {', '.join(cls().to_json())}"
            )
        return cls(
            quota=_whole("quota", fields["quota"], QUOTAS),
            lifetime_days=_whole("lifetimeDays", fields["lifetimeDays"], LIFETIMES_DAYS),
            protected=_patterns("protected", fields["protected"]),
            reconcile=_mode("reconcile", fields["reconcile"]),
            collect=_mode("collect", fields["collect"]),
            sleep=SleepSchedule.parse(f"{KEY}.sleep", fields["sleep"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the object from which `parse` reads equal settings."""
        return {
            "quota": self.quota,
            "lifetimeDays": self.lifetime_days,
            "protected": [*self.protected],
            "reconcile": self.reconcile,
            "collect": self.collect,
            "sleep": self.sleep.to_json() if self.sleep is not None else None,
        }


def _whole(name: str, value: object, allowed: range) -> int:
    if type(value) is not int or value not in allowed:
        raise ConfigurationError(
            f"{KEY}.{name} is {value!r}: it must be a whole number "
            f"from {allowed[0]} to {allowed[-1]}"
        )
    return value


def _patterns(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(p, str) and p for p in value):
        raise ConfigurationError(
            f'{KEY}.{name} is {value!r}: it must be a list of patterns, like ["release/*"]'
        )
    return tuple(value)


def _mode(name: str, value: object) -> str:
    if value not in (REPORT, APPLY):
        raise ConfigurationError(f"{KEY}.{name} is {value!r}: it must be {REPORT} or {APPLY}")
    return str(value)
