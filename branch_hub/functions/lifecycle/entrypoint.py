"""Wires the lifecycle of environments; its only file that reads the environment.

Calls `dynamodb:GetItem`, `UpdateItem`, `DeleteItem` and `Scan` on the table,
`cloudformation:DescribeStacks`, `states:DescribeExecution` on the executions of both machines,
`secretsmanager:GetSecretValue` (GitHub), `codecommit:GetBranch` and `ListBranches` (CodeCommit).
"""

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config

from branch_hub.functions.lifecycle.lifecycle_context import LifecycleContext
from branch_hub.functions.lifecycle.requests import carry_out
from branch_hub.functions.lifecycle.settings import BranchLifecycleSettings
from branch_hub.functions.shared.executions import Executions
from branch_hub.functions.shared.policy import BranchPolicy
from branch_hub.functions.shared.quota import Quota
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.secret import HubSecret
from branch_hub.functions.shared.stacks import StackFinder
from branch_hub.git_hosts.choice import connect_host
from lambda_src.shared.log_lines import write_json_lines

_AWS = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5}
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answers one request of a state machine."""
    return _lifecycle()(event)


@cache
def _lifecycle() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    settings = BranchLifecycleSettings.from_env(os.environ)
    write_json_lines(environment_suffix=settings.hub_suffix)
    table = boto3.resource("dynamodb", config=_AWS).Table(settings.branch_table_name)
    secret = HubSecret(
        secrets_manager=boto3.client("secretsmanager", config=_AWS),
        secret_arn=settings.hub_secret_arn,
        clock=time.monotonic,
    )
    return partial(
        carry_out,
        context=LifecycleContext(
            repository=settings.repository,
            host=connect_host(
                settings.git_host,
                repository=settings.repository,
                secret=secret.value,
                client=partial(boto3.client, config=_AWS),
            ),
            policy=BranchPolicy.parse(trunk=settings.trunk, protected=settings.protected_branches),
            registry=Registry(table=table),
            quota=Quota(table=table, limit=settings.environment_quota),
            executions=Executions(stepfunctions=boto3.client("stepfunctions", config=_AWS)),
            stacks=StackFinder(
                cloudformation=boto3.client("cloudformation", config=_AWS),
                repository=settings.repository,
            ),
            lifetime=timedelta(days=settings.lifetime_days),
            now=partial(datetime.now, UTC),
        ),
    )
