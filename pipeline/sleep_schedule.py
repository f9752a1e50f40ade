"""When environments of branches sleep: the field `sleep` of the `branches` key of cdk.json."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from zoneinfo import available_timezones

from infra.errors import ConfigurationError

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_FIELDS: Final = ("after", "until", "timezone")
# At weekends they stay asleep; a push, or `make wake`, wakes one at any time.
WAKES_ON: Final = "MON-FRI"


@dataclass(frozen=True, kw_only=True)
class SleepSchedule:
    """Each evening after `after`, until `until` of the next working day, in `timezone`."""

    after: str  # 20:00
    until: str
    timezone: str  # Europe/Berlin

    @classmethod
    def parse(cls, key: str, value: object) -> Self | None:
        """Return None for None: nothing sleeps. Raises ConfigurationError, which names the field
        below `key`."""
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise ConfigurationError(
                f"{key} is {value!r}: it must be an object with {', '.join(_FIELDS)}"
            )
        if unknown := sorted(map(str, value.keys() - {*_FIELDS})):
            raise ConfigurationError(
                f"{key}.{unknown[0]} is not known: it must be one of {', '.join(_FIELDS)}"
            )
        schedule = cls(
            after=_time(f"{key}.after", value.get("after")),
            until=_time(f"{key}.until", value.get("until")),
            timezone=_timezone(f"{key}.timezone", value.get("timezone")),
        )
        if schedule.after == schedule.until:
            raise ConfigurationError(
                f"{key}.until is {schedule.until!r}: it must be another time than {key}.after"
            )
        return schedule

    def to_json(self) -> dict[str, Any]:
        """Return the object from which `parse` reads an equal schedule."""
        return {"after": self.after, "until": self.until, "timezone": self.timezone}

    @property
    def evening(self) -> str:
        """The cron expression of EventBridge Scheduler that puts them to sleep: every day, so that
        it also stops what was woken at the weekend."""
        return _cron(self.after, days="*")

    @property
    def morning(self) -> str:
        return _cron(self.until, days=WAKES_ON)

    @property
    def wakes(self) -> str:
        """For people: when they wake."""
        return f"{self.until} {self.timezone}, Monday to Friday"


def _cron(time: str, *, days: str) -> str:
    hour, minute = (int(part) for part in time.split(":"))
    # Of the day of the month and of the week, one must be `?`.
    month_day, week_day = ("*", "?") if days == "*" else ("?", days)
    return f"cron({minute} {hour} {month_day} * {week_day} *)"


def _time(name: str, value: object) -> str:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ConfigurationError(
            f'{name} is {value!r}: it must be hours and minutes, from "00:00" to "23:59"'
        )
    return value


def _timezone(name: str, value: object) -> str:
    if not isinstance(value, str) or value not in available_timezones():
        raise ConfigurationError(
            f"{name} is {value!r}: it must be a name of the IANA time zone database, like "
            '"Europe/Berlin" or "UTC"'
        )
    return value
