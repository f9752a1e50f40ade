"""Wires the lifecycle of environments; its only file that reads the environment.

Calls `dynamodb:GetItem`, `UpdateItem`, `DeleteItem` and `Scan` on the table,
`cloudformation:DescribeStacks`, `states:DescribeExecution` on the executions of the machines,
`codepipeline:ListPipelineExecutions`, `fis:ListExperiments` and `ListExperimentTemplates`,
`secretsmanager:GetSecretValue` (GitHub), `codecommit:GetBranch` and `ListBranches` (CodeCommit).
"""

import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from botocore.config import Config

from branch_hub.functions.lifecycle.requests import carry_out
from branch_hub.functions.shared.lifecycle_context import LifecycleContext
from branch_hub.functions.shared.lifecycle_settings import BranchLifecycleSettings

_AWS = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5}
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answers one request of a state machine."""
    return _lifecycle()(event)


@cache
def _lifecycle() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    settings = BranchLifecycleSettings.from_env(os.environ)
    return partial(carry_out, context=LifecycleContext.connect(settings, aws=_AWS))
