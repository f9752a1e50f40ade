"""Wires the retry of pipelines; its only file that reads the environment."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from branch_hub.functions.pipeline_retry.build_log import AssetLogs
from branch_hub.functions.pipeline_retry.retry import StageRetry
from branch_hub.functions.pipeline_retry.settings import PipelineRetrySettings

_AWS = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5}
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Handles the event of a failed stage."""
    return _retry()(event)


@cache
def _retry() -> Callable[[Mapping[str, Any]], dict[str, str]]:
    settings = PipelineRetrySettings.from_env(os.environ)
    return StageRetry(
        codepipeline=boto3.client("codepipeline", config=_AWS),
        asset_logs=AssetLogs(logs=boto3.client("logs", config=_AWS)),
        table=boto3.resource("dynamodb", config=_AWS).Table(settings.branch_table_name),
        now=lambda: datetime.now(UTC),
    ).on_failed_stage
