"""Wires the teardown; its only file that reads the environment.

Calls `cloudformation:DescribeStacks`, `DeleteStack`, `ListStackResources` and `GetTemplate`;
`codepipeline:ListPipelineExecutions` and `StopPipelineExecution`; `s3:DeleteBucketPolicy`,
`ListBucketVersions`, `DeleteObject`, `DeleteObjectVersion`, `ListBucketMultipartUploads` and
`AbortMultipartUpload`; `ecr:ListImages` and `BatchDeleteImage`; `ec2:DescribeNetworkInterfaces`,
`DeleteNetworkInterface` and `DescribeNatGateways`; `logs:DeleteLogGroup`;
`rds:DeleteDBClusterSnapshot`; `ecs:ListTaskDefinitions`, `DescribeTaskDefinition`
and `DeleteTaskDefinitions`; `tag:GetResources`; and the operations of `listings.LISTINGS` and of
`gone.QUESTIONS`.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from branch_hub.functions.shared.stacks import StackFinder
from branch_hub.functions.teardown.requests import Teardown
from branch_hub.functions.teardown.settings import BranchTeardownSettings

# Many listings in a row: all users of the account share the rate limits.
_AWS = Config(
    connect_timeout=3, read_timeout=30, retries={"mode": "adaptive", "total_max_attempts": 8}
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answers one request of the destroy machine."""
    return _teardown()(event)


@cache
def _teardown() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    settings = BranchTeardownSettings.from_env(os.environ)
    return Teardown(
        trunk=settings.trunk,
        stacks=StackFinder(
            cloudformation=_client("cloudformation"), repository=settings.repository
        ),
        clients=_client,
    ).carry_out


@cache
def _client(service: str) -> Any:
    return boto3.client(service, config=_AWS)  # type: ignore[call-overload]  # any service
