"""Settings that travel as environment variables: infra writes them, one function reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self


class InvalidEnvironment(Exception):
    """Variables are missing or have the wrong shape; the message names each."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentSettings:
    """Each field, `str` or `int`, is the variable of its name in capitals; none is optional."""

    def to_env(self) -> dict[str, str]:
        return {field.name.upper(): str(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Raises InvalidEnvironment, which names every variable that is missing or no number."""
        values: dict[str, Any] = {}
        problems = []
        for field in fields(cls):
            name = field.name.upper()
            text = environ.get(name, "")
            if not text:
                problems.append(f"{name} is not set")
            elif field.type is not int:
                values[field.name] = text
            elif text.isascii() and text.isdigit():
                values[field.name] = int(text)
            else:
                problems.append(f"{name} is {text!r}, a whole number is needed")
        if problems:
            raise InvalidEnvironment(f"environment variables: {'; '.join(problems)}")
        return cls(**values)
