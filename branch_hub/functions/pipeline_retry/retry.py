"""Retries a failed stage once if all its failed actions have known transient errors."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from branch_hub.functions.pipeline_retry.build_log import STAGE, AssetLogs
from branch_hub.functions.pipeline_retry.transient import Transient, refused_pull, transient_error
from branch_hub.functions.shared.registry import FORGET_AFTER

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

logger = logging.getLogger(__name__)

# Longer than a run can be retried.
_REMEMBERED: Final = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class StageRetry:
    """Needs `codepipeline:ListActionExecutions` and `RetryStageExecution`, `dynamodb:PutItem`."""

    codepipeline: Any
    asset_logs: AssetLogs
    table: "Table"
    now: Callable[[], datetime]

    def on_failed_stage(self, event: Mapping[str, Any]) -> dict[str, str]:
        """Handle a `CodePipeline Stage Execution State Change`. Safe to repeat."""
        detail = event["detail"]
        pipeline, run, stage = detail["pipeline"], detail["execution-id"], detail["stage"]
        failed = self._failed_actions(pipeline, run, stage)
        errors = [self._transient_error(action, pipeline) for action in failed]
        if not errors or None in errors:
            return {"outcome": "left"}
        if not self._is_first(run, stage, event["id"]):
            return {"outcome": "retried before"}
        try:
            self.codepipeline.retry_stage_execution(
                pipelineName=pipeline,
                stageName=stage,
                pipelineExecutionId=run,
                retryMode="FAILED_ACTIONS",
            )
        except (
            # Rolled back, superseded by a newer run, changed, or retried by a person meanwhile.
            self.codepipeline.exceptions.StageNotRetryableException,
            self.codepipeline.exceptions.NotLatestPipelineExecutionException,
            self.codepipeline.exceptions.StageNotFoundException,
            self.codepipeline.exceptions.ConflictException,
        ) as error:
            logger.warning("stage cannot be retried", extra={"stage": stage, "why": str(error)})
            return {"outcome": "too late"}
        logger.info("stage retried", extra={"pipeline": pipeline, "stage": stage, "run": run})
        return {"outcome": "retried"}

    def _transient_error(self, action: Mapping[str, Any], pipeline: str) -> Transient | None:
        known = transient_error(action)
        if known is None and action["stageName"] == STAGE:
            return refused_pull(self.asset_logs.end_of(action, pipeline=pipeline))
        return known

    def _failed_actions(self, pipeline: str, run: str, stage: str) -> list[dict[str, Any]]:
        """Return the last attempt of each action of the stage, if it failed."""
        pages = self.codepipeline.get_paginator("list_action_executions").paginate(
            pipelineName=pipeline, filter={"pipelineExecutionId": run}
        )
        attempts = [
            action
            for page in pages
            for action in page["actionExecutionDetails"]
            if action["stageName"] == stage
        ]
        attempts.sort(key=lambda action: action["startTime"])
        latest = {action["actionName"]: action for action in attempts}
        return [action for action in latest.values() if action["status"] == "Failed"]

    def _is_first(self, run: str, stage: str, event_id: str) -> bool:
        """Record that this event retries the stage. False: another event did."""
        forget_after = self.now() + _REMEMBERED
        try:
            self.table.put_item(
                Item={
                    "suffix": f"retry#{run}#{stage}",
                    "event_id": event_id,
                    FORGET_AFTER: int(forget_after.timestamp()),
                },
                # A repeated event passes its own record: it is sent again if the next call failed.
                ConditionExpression="attribute_not_exists(suffix) OR event_id = :this",
                ExpressionAttributeValues={":this": event_id},
            )
        except self.table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True
