"""What is monitored: the parts of an environment that can fail by themselves."""

from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_

from infra.audit_store import AuditStore
from infra.database import Database
from infra.load_balancer import LoadBalancer
from infra.monitoring.business_metrics import BusinessMetrics
from infra.queues import QueueWithDeadLetters
from infra.service import Service
from infra.sessions import Sessions


@dataclass(frozen=True, kw_only=True)
class MonitoredResources:
    """Handed to alarms and dashboard; `queues` and `functions` by the names that people use."""

    vpc: ec2.IVpc
    load_balancer: LoadBalancer
    service: Service
    database: Database
    sessions: Sessions
    audit_store: AuditStore
    business: BusinessMetrics
    queues: tuple[tuple[str, QueueWithDeadLetters], ...]
    functions: tuple[tuple[str, lambda_.IFunction], ...]
