"""The configuration of every kind of environment, as values that are passed to constructs."""

from dataclasses import dataclass, field, replace
from typing import Final, Self

from infra.database import DatabaseConfig
from infra.domain import DomainConfig
from infra.monitoring.monitoring import MonitoringConfig
from infra.network import NetworkConfig
from infra.processors import ProcessorConfig
from infra.service import ServiceConfig


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    """All properties in which environments may differ, except names."""

    kind: str  # of a promoted environment also its suffix
    network: NetworkConfig = field(default_factory=NetworkConfig)
    database: DatabaseConfig = field(default_factory=DatabaseConfig)
    service: ServiceConfig = field(default_factory=ServiceConfig)
    processors: ProcessorConfig = field(default_factory=ProcessorConfig)
    monitoring: MonitoringConfig = field(default_factory=MonitoringConfig)
    domain: DomainConfig | None = None  # None: the load balancer's own name

    def adjusted(
        self,
        *,
        api_port: int,
        database_ca_file: str | None,
        engine_version: str | None,
        creatable_engine_version: str | None = None,
        alarm_email: str | None = None,
        shared_topic: str | None = None,
        domain: DomainConfig | None = None,
    ) -> Self:
        """Return this environment with the settings of the account and region it is deployed to.

        `creatable_engine_version` is the version that AWS creates instead of `engine_version`.
        """
        asked_for = engine_version or self.database.engine_version
        return replace(
            self,
            domain=domain,
            monitoring=replace(self.monitoring, email=alarm_email, shared_topic=shared_topic),
            service=replace(self.service, api_port=api_port),
            database=replace(
                self.database,
                ca_file=database_ca_file,
                engine_version=creatable_engine_version or asked_for,
                engine_version_asked_for=asked_for if creatable_engine_version else None,
            ),
        )


EPHEMERAL = EnvironmentConfig(
    kind="ephemeral",
    network=NetworkConfig(nat_gateways=1),
    database=DatabaseConfig(backup_retention_days=1),
)
STAGING = EnvironmentConfig(
    kind="staging",
    network=NetworkConfig(nat_gateways=2),
    database=DatabaseConfig(backup_retention_days=7),
    service=ServiceConfig(tasks_min=4, tasks_max=12),
)
PRODUCTION = EnvironmentConfig(
    kind="production",
    network=NetworkConfig(nat_gateways=2),
    database=DatabaseConfig(backup_retention_days=35),
    service=ServiceConfig(tasks_min=4, tasks_max=20, cpu_units=1024, memory_mib=2048),
)

# The trunk's commits pass these in this order: for another environment add it here. Promotion,
# domains, reserved suffixes and the generated pages follow.
PROMOTED: Final = (STAGING, PRODUCTION)
KINDS: Final = (EPHEMERAL, *PROMOTED)
