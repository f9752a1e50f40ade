"""The configuration of every kind of environment, as values that are passed to constructs."""

from dataclasses import dataclass, field, replace
from typing import Final, Self

from infra.audit_store import AuditConfig
from infra.database import DatabaseConfig
from infra.domain import DomainConfig
from infra.monitoring.monitoring import MonitoringConfig
from infra.naming import EnvironmentSuffix
from infra.network import NetworkConfig
from infra.processors import ProcessorConfig
from infra.service import ServiceConfig
from infra.task_capacity import TaskCapacity
from infra.web_firewall import WebFirewallConfig


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    """All properties in which environments may differ, except names."""

    kind: str  # of a promoted environment also its suffix
    network: NetworkConfig = field(default_factory=NetworkConfig)
    database: DatabaseConfig = field(default_factory=DatabaseConfig)
    service: ServiceConfig = field(default_factory=ServiceConfig)
    processors: ProcessorConfig = field(default_factory=ProcessorConfig)
    audit: AuditConfig = field(default_factory=AuditConfig)
    monitoring: MonitoringConfig = field(default_factory=MonitoringConfig)
    domain: DomainConfig | None = None  # None: the load balancer's own name
    web_firewall: WebFirewallConfig | None = None  # None: no limits, which cost money
    has_faults: bool = False  # drills can be run: fault_injection.py

    @property
    def suffix(self) -> EnvironmentSuffix | None:
        """Of a promoted environment; None: the branch's own."""
        return EnvironmentSuffix(self.kind) if self.kind in {p.kind for p in PROMOTED} else None

    def adjusted(
        self,
        *,
        api_port: int,
        database_ca_file: str | None,
        engine_version: str | None,
        chosen_engine_version: str | None = None,
        alarm_email: str | None = None,
        shared_topic: str | None = None,
        domain: DomainConfig | None = None,
        audit_lock_days: int | None = None,
        has_faults: bool = False,
        task_capacity: TaskCapacity | None = None,
    ) -> Self:
        """Return this environment with the settings of the account and region it is deployed to.

        `chosen_engine_version`: that of the live database, or the one that AWS creates, if it is
        known.
        """
        requested = engine_version or self.database.engine_version
        return replace(
            self,
            domain=domain,
            has_faults=has_faults,
            audit=replace(self.audit, lock_days=audit_lock_days),
            monitoring=replace(self.monitoring, email=alarm_email, shared_topic=shared_topic),
            service=replace(
                self.service,
                api_port=api_port,
                capacity=task_capacity or self.service.capacity,
            ),
            database=replace(
                self.database,
                ca_file=database_ca_file,
                engine_version=chosen_engine_version or requested,
                engine_version_requested=requested if chosen_engine_version else None,
            ),
        )


EPHEMERAL = EnvironmentConfig(
    kind="ephemeral",
    network=NetworkConfig(nat_gateways=1),
    database=DatabaseConfig(backup_retention_days=1, is_created_side_by_side=True),
)
# As production, so that nothing runs there for the first time.
STAGING = EnvironmentConfig(
    kind="staging",
    network=NetworkConfig(nat_gateways=2),
    database=DatabaseConfig(backup_retention_days=7, metrics_interval_seconds=60),
    service=ServiceConfig(tasks_min=4, tasks_max=12, container_insights=True),
    web_firewall=WebFirewallConfig(),
)
PRODUCTION = EnvironmentConfig(
    kind="production",
    network=NetworkConfig(nat_gateways=2),
    database=DatabaseConfig(backup_retention_days=35, metrics_interval_seconds=60),
    service=ServiceConfig(
        tasks_min=4, tasks_max=20, cpu_units=1024, memory_mib=2048, container_insights=True
    ),
    web_firewall=WebFirewallConfig(),
)

# The trunk's commits pass these in this order: for another environment add it here. Promotion,
# domains, reserved suffixes and the generated pages follow.
PROMOTED: Final = (STAGING, PRODUCTION)
KINDS: Final = (EPHEMERAL, *PROMOTED)
