"""What the service is told from outside. Infra writes it with `to_env`; `__main__` reads it.

Standard library only: the code that describes the infrastructure imports it too. Values are checked
on reading, never on construction, because there they may still be placeholders of a template.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar

IMAGE_CA_FILE = "/srv/app_service/trust/aws-rds.pem"
_PORTS = range(1, 65536)
_T = TypeVar("_T")


class SettingsError(Exception):
    """The environment does not describe a service; names every variable that is wrong."""


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """Everything that is no secret. Field `port` is variable `PORT`, and so on."""

    environment_suffix: str
    service_version: str
    database_writer_host: str
    database_reader_host: str
    sessions_table_name: str
    audit_queue_url: str
    port: int = 8443
    bind_address: str = "0.0.0.0"  # nosec B104 # of a container of its own
    database_port: int = 5432
    database_name: str = "ledger"
    database_ca_file: str = IMAGE_CA_FILE
    session_ttl_seconds: int = 3600

    def to_env(self) -> dict[str, str]:
        return {variable_of(f): str(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "ServiceSettings":
        """Raises SettingsError, which names all that is missing or wrong, not only the first."""
        settings = _read(cls, environment)
        _check(
            ("PORT", settings.port, _PORTS),
            ("DATABASE_PORT", settings.database_port, _PORTS),
            ("SESSION_TTL_SECONDS", settings.session_ttl_seconds, range(1, 86_401)),
        )
        return settings


@dataclass(frozen=True, kw_only=True)
class ServiceSecrets:
    """What ECS puts into the environment from Secrets Manager. Never in a log or an error."""

    database_user: str
    database_password: str = field(repr=False)
    api_client_id: str
    api_client_secret: str = field(repr=False)

    @classmethod
    def variable_names(cls) -> tuple[str, ...]:
        return tuple(variable_of(f) for f in fields(cls))

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "ServiceSecrets":
        """Raises SettingsError, which names what is missing."""
        return _read(cls, environment)


def variable_of(setting: Field[Any]) -> str:
    return setting.name.upper()


def _read(kind: Callable[..., _T], environment: Mapping[str, str]) -> _T:
    values: dict[str, str | int] = {}
    problems = []
    for setting in fields(kind):  # type: ignore[arg-type]  # both callers pass a dataclass
        variable = variable_of(setting)
        text = environment.get(variable, "")
        if text.strip() == "":
            if setting.default is MISSING:
                problems.append(f"{variable}: missing or blank")
        elif setting.type is not int:
            values[setting.name] = text
        elif text.isascii() and text.isdigit():
            values[setting.name] = int(text)
        else:
            problems.append(f"{variable}: must be a whole number, got {text!r}")
    if problems:
        raise SettingsError("; ".join(problems))
    return kind(**values)


def _check(*rules: tuple[str, int, range]) -> None:
    problems = [
        f"{variable}: must be from {allowed[0]} to {allowed[-1]}, got {value}"
        for variable, value, allowed in rules
        if value not in allowed
    ]
    if problems:
        raise SettingsError("; ".join(problems))
