"""The service's settings: infra writes them, `__main__` reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from app_service.environment_variables import EnvironmentSettings, SettingsError

IMAGE_CA_FILE = "/srv/app_service/trust/aws-rds.pem"
SESSIONS_BY_USER_INDEX = "by-user"  # of the table of sessions
# The keys of the table of clients: one client has several credentials.
CLIENT_KEY = "client_id"
CREDENTIAL_KEY = "credential_id"
FIRST_CLIENT_ID = "transaction-client"  # of the secret that the environment generates
LIVE_PATH = "/health/live"  # what the load balancer asks
_PORTS = range(1, 65536)


@dataclass(frozen=True, kw_only=True)
class ServiceSettings(EnvironmentSettings):
    """All settings that are not secret."""

    environment_suffix: str
    service_version: str
    database_writer_host: str
    database_reader_host: str
    sessions_table_name: str
    api_clients_table_name: str
    audit_queue_url: str
    port: int = 8443
    bind_address: str = "0.0.0.0"  # nosec B104 # in its own container
    database_port: int = 5432
    database_name: str = "ledger"
    database_ca_file: str = IMAGE_CA_FILE
    session_ttl_seconds: int = 3600

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        settings = super().from_env(environment)
        _check(
            ("PORT", settings.port, _PORTS),
            ("DATABASE_PORT", settings.database_port, _PORTS),
            ("SESSION_TTL_SECONDS", settings.session_ttl_seconds, range(1, 86_401)),
        )
        return settings


@dataclass(frozen=True, kw_only=True)
class ServiceSecrets(EnvironmentSettings):
    """ECS puts these into the environment from Secrets Manager. Never in a log or an error."""

    database_user: str
    database_password: str = field(repr=False)
    api_client_id: str
    api_client_secret: str = field(repr=False)


def _check(*rules: tuple[str, int, range]) -> None:
    problems = [
        f"{variable}: must be from {allowed[0]} to {allowed[-1]}, got {value}"
        for variable, value, allowed in rules
        if value not in allowed
    ]
    if problems:
        raise SettingsError("; ".join(problems))
