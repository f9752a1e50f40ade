"""Wires the asset collector; its only file that reads the environment.

Calls `cloudformation:DescribeStacks`, `GetTemplate` and `ListChangeSets`; `s3:ListBucket` and
`DeleteObject`; `ecr:DescribeImages` and `BatchDeleteImage`; `ecs:ListTaskDefinitionFamilies`,
`ListTaskDefinitions`, `DescribeTaskDefinition`, `DescribeServices` and `DeleteTaskDefinitions`;
`codepipeline:ListPipelineExecutions`; `dynamodb:Scan`, `PutItem` and `DeleteItem` on the table;
`states:DescribeExecution` on the executions of both machines; `sns:Publish` on the hub's topic.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config

from branch_hub.functions.asset_collector.assets import AssetStore
from branch_hub.functions.asset_collector.collector import Collector
from branch_hub.functions.asset_collector.marks import Marks
from branch_hub.functions.asset_collector.references import References
from branch_hub.functions.asset_collector.revisions import Revisions
from branch_hub.functions.asset_collector.settings import AssetCollectorSettings
from branch_hub.functions.shared.executions import Executions
from branch_hub.functions.shared.pipeline_runs import PipelineRuns
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.stacks import StackFinder

# Two templates of every stack in a row: all users of the account share the rate limits.
_AWS = Config(
    connect_timeout=3, read_timeout=30, retries={"mode": "adaptive", "total_max_attempts": 8}
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Handles `{"apply": true or false}`, from the schedule or from a person."""
    return _collector().run(event)


@cache
def _collector() -> Collector:
    settings = AssetCollectorSettings.from_env(os.environ)
    client = partial(boto3.client, config=_AWS)
    cloudformation = client("cloudformation")
    table = boto3.resource("dynamodb", config=_AWS).Table(settings.branch_table_name)
    return Collector(
        kept=timedelta(days=settings.kept_days),
        store=AssetStore(
            cloudformation=cloudformation,
            s3=client("s3"),
            ecr=client("ecr"),
            branch_repository=settings.branch_repository_name,
        ),
        references=References(cloudformation=cloudformation),
        marks=Marks(table=table),
        revisions=Revisions(ecs=client("ecs")),
        stacks=StackFinder(cloudformation=cloudformation, repository=settings.repository),
        runs=PipelineRuns(codepipeline=client("codepipeline")),
        registry=Registry(table=table),
        executions=Executions(stepfunctions=client("stepfunctions")),
        sns=client("sns"),
        topic_arn=settings.notices_topic_arn,
        now=partial(datetime.now, UTC),
    )
