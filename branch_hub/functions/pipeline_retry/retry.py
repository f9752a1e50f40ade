"""Starts a failed stage once more when all that failed in it is known to pass by itself."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from branch_hub.functions.pipeline_retry.transient import transient_error

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)

# Longer than any run can still be retried.
_REMEMBERED: Final = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class StageRetry:
    """Needs `codepipeline:ListActionExecutions` and `RetryStageExecution`, `dynamodb:PutItem`."""

    codepipeline: Any
    dynamodb: "DynamoDBClient"
    table: str
    now: Callable[[], datetime]

    def on_failed_stage(self, event: Mapping[str, Any]) -> dict[str, str]:
        """Takes a `CodePipeline Stage Execution State Change`. Safe to repeat: events are."""
        detail = event["detail"]
        pipeline, run, stage = detail["pipeline"], detail["execution-id"], detail["stage"]
        failed = self._failed_actions(pipeline, run, stage)
        errors = [transient_error(action) for action in failed]
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
            # Rolled back, overtaken by a newer run, changed, or retried by a person meanwhile.
            self.codepipeline.exceptions.StageNotRetryableException,
            self.codepipeline.exceptions.NotLatestPipelineExecutionException,
            self.codepipeline.exceptions.StageNotFoundException,
            self.codepipeline.exceptions.ConflictException,
        ) as error:
            logger.warning("stage cannot be retried", extra={"stage": stage, "why": str(error)})
            return {"outcome": "too late"}
        logger.info("stage retried", extra={"pipeline": pipeline, "stage": stage, "run": run})
        return {"outcome": "retried"}

    def _failed_actions(self, pipeline: str, run: str, stage: str) -> list[dict[str, Any]]:
        """The last attempt of each action of the stage, where that failed."""
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
        """Remember that this event retries the stage; False where another did."""
        forget_after = self.now() + _REMEMBERED
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item={
                    "suffix": {"S": f"retry#{run}#{stage}"},
                    "event_id": {"S": event_id},
                    "forget_after_epoch_seconds": {"N": str(int(forget_after.timestamp()))},
                },
                # Its own: the same event comes again when the call after this failed.
                ConditionExpression="attribute_not_exists(suffix) OR event_id = :this",
                ExpressionAttributeValues={":this": {"S": event_id}},
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True
