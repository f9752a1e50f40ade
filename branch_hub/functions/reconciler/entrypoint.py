"""Wires the reconciler; its only file that reads the environment.

Calls `cloudformation:DescribeStacks`, `dynamodb:Scan`, `GetItem` and `UpdateItem` on the table,
`states:DescribeExecution` on the executions of both machines, `events:PutEvents` on the hub's bus,
`sns:Publish` on its topic, `secretsmanager:GetSecretValue` (GitHub), `codecommit:ListBranches`,
`GetBranch` and `GetCommit` (CodeCommit).
"""

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config

from branch_hub.functions.reconciler.apply import Applier
from branch_hub.functions.reconciler.reconciler import Reconciler
from branch_hub.functions.reconciler.settings import BranchReconcilerSettings
from branch_hub.functions.shared.bus import BranchEventBus
from branch_hub.functions.shared.executions import Executions
from branch_hub.functions.shared.policy import BranchPolicy
from branch_hub.functions.shared.quota import Quota
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.secret import HubSecret
from branch_hub.functions.shared.stacks import StackFinder
from branch_hub.git_hosts.choice import connect_host
from lambda_src.shared.log_lines import write_json_lines

_AWS = Config(
    connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 5}
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Handles `{"apply": true or false}`, from the schedule or from a person."""
    return _reconciler()(event)


@cache
def _reconciler() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    settings = BranchReconcilerSettings.from_env(os.environ)
    write_json_lines(environment_suffix=settings.hub_suffix)
    table = boto3.resource("dynamodb", config=_AWS).Table(settings.branch_table_name)
    registry = Registry(table=table)
    lifetime = timedelta(days=settings.lifetime_days)
    now = partial(datetime.now, UTC)
    secret = HubSecret(
        secrets_manager=boto3.client("secretsmanager", config=_AWS),
        secret_arn=settings.hub_secret_arn,
        clock=time.monotonic,
    )
    return Reconciler(
        host=connect_host(
            settings.git_host,
            repository=settings.repository,
            secret=secret.value,
            client=partial(boto3.client, config=_AWS),
        ),
        policy=BranchPolicy.parse(trunk=settings.trunk, protected=settings.protected_branches),
        registry=registry,
        quota=Quota(table=table, limit=settings.environment_quota),
        executions=Executions(stepfunctions=boto3.client("stepfunctions", config=_AWS)),
        stacks=StackFinder(
            cloudformation=boto3.client("cloudformation", config=_AWS),
            repository=settings.repository,
        ),
        lifetime=lifetime,
        applier=Applier(
            repository=settings.repository,
            lifetime=lifetime,
            bus=BranchEventBus(
                events=boto3.client("events", config=_AWS), bus_name=settings.event_bus_name
            ),
            registry=registry,
            sns=boto3.client("sns", config=_AWS),
            topic_arn=settings.notices_topic_arn,
            now=now,
        ),
        now=now,
    ).run
