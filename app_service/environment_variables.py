"""Settings passed as environment variables. Standard library only: functions use it, too.

Infra writes them with `to_env`, the program reads them with `from_env`. Values are checked on
reading and not on construction, because there they may be placeholders of a template.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self


class SettingsError(Exception):
    """Environment variables are missing or wrong; the message names each of them."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentSettings:
    """Field `port` is variable `PORT`, and so on. Fields are `str` or `int`."""

    @classmethod
    def variable_names(cls) -> tuple[str, ...]:
        return tuple(field.name.upper() for field in fields(cls))

    def to_env(self) -> dict[str, str]:
        values = (str(getattr(self, field.name)) for field in fields(self))
        return dict(zip(self.variable_names(), values, strict=True))

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """Raises SettingsError, which names everything that is missing or wrong."""
        values: dict[str, Any] = {}
        problems = []
        for field, variable in zip(fields(cls), cls.variable_names(), strict=True):
            text = environment.get(variable, "")
            if text.strip() == "":
                if field.default is MISSING:
                    problems.append(f"{variable}: missing or blank")
            elif field.type is not int:
                values[field.name] = text
            elif text.isascii() and text.isdigit():
                values[field.name] = int(text)
            else:
                problems.append(f"{variable}: must be a whole number, got {text!r}")
        if problems:
            raise SettingsError("; ".join(problems))
        return cls(**values)
