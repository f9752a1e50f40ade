"""The parts of an environment that alarms and dashboard look at."""

from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs

from infra.api_clients import ApiClients
from infra.audit_store import AuditStore
from infra.database import Database
from infra.load_balancer import LoadBalancer
from infra.monitoring.audit_metrics import AuditMetrics
from infra.monitoring.business_metrics import BusinessMetrics
from infra.outcomes import Outcomes
from infra.python_function import PythonFunction
from infra.queues import QueueWithDeadLetters
from infra.service import Service
from infra.sessions import Sessions
from infra.web_firewall import WebFirewall


@dataclass(frozen=True, kw_only=True)
class MonitoredResources:
    """`functions` are those that work while clients do. Functions of a deployment fail with it."""

    vpc: ec2.IVpc
    load_balancer: LoadBalancer
    service: Service
    database: Database
    sessions: Sessions
    api_clients: ApiClients
    audit_store: AuditStore
    business: BusinessMetrics
    trail: AuditMetrics
    transactions: QueueWithDeadLetters
    audit: QueueWithDeadLetters
    outcomes: Outcomes
    functions: tuple[PythonFunction, ...]
    firewall: WebFirewall | None

    @property
    def queues(self) -> tuple[QueueWithDeadLetters, ...]:
        return self.transactions, self.audit

    @property
    def log_groups(self) -> list[logs.ILogGroup]:
        return [self.service.log_group, *(function.log_group for function in self.functions)]
