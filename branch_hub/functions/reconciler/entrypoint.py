"""Wires the reconciler; its only file that reads the environment.

Calls `cloudformation:DescribeStacks`, `dynamodb:Scan`, `GetItem` and `UpdateItem` on the table,
`states:DescribeExecution` on the executions of both machines, `events:PutEvents` on the hub's bus,
`sns:Publish` on its topic, `secretsmanager:GetSecretValue` (GitHub), `codecommit:ListBranches`,
`GetBranch` and `GetCommit` (CodeCommit).
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from branch_hub.functions.reconciler.apply import Applier
from branch_hub.functions.reconciler.reconciler import Reconciler
from branch_hub.functions.reconciler.settings import BranchReconcilerSettings
from branch_hub.functions.shared.bus import BranchEventBus
from branch_hub.functions.shared.lifecycle_context import LifecycleContext

_AWS = Config(
    connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 5}
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Handles `{"apply": true or false}`, from the schedule or from a person."""
    return _reconciler()(event)


@cache
def _reconciler() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    settings = BranchReconcilerSettings.from_env(os.environ)
    context = LifecycleContext.connect(settings, aws=_AWS)
    applier = Applier(
        repository=context.repository,
        lifetime=context.lifetime,
        bus=BranchEventBus(
            events=boto3.client("events", config=_AWS), bus_name=settings.event_bus_name
        ),
        registry=context.registry,
        sns=boto3.client("sns", config=_AWS),
        topic_arn=settings.notices_topic_arn,
        now=context.now,
    )
    return Reconciler(context=context, applier=applier).run
