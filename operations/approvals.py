"""The approval that a pipeline waits for, and the answer to it.

Sources: https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutApprovalResult.html and
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionExecutionInput.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_codepipeline import CodePipelineClient

_LATE: Final = ("InvalidApprovalTokenException", "ApprovalAlreadyCompletedException")


class QuestionChanged(Exception):
    """The pipeline no longer waits for this answer."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """An approval that waits. `logs` are those of the earlier actions of its stage."""

    pipeline: str
    stage: str
    action: str
    execution: str
    token: str
    message: str  # of the permission gate: which permissions become broader
    logs: tuple[str, ...]


def waiting_approval(codepipeline: "CodePipelineClient", pipeline: str) -> Approval | None:
    """Return what `pipeline` waits for; None if it waits for nobody."""
    state = codepipeline.get_pipeline_state(name=pipeline)
    for stage in state["stageStates"]:
        for action in stage.get("actionStates", []):
            latest = action.get("latestExecution", {})
            if latest.get("status") != "InProgress" or "token" not in latest:
                continue
            execution = stage["latestExecution"]["pipelineExecutionId"]
            of_stage = [
                detail
                for detail in _actions(codepipeline, pipeline, execution)
                if detail["stageName"] == stage["stageName"]
            ]
            return Approval(
                pipeline=pipeline,
                stage=stage["stageName"],
                action=action["actionName"],
                execution=execution,
                token=latest["token"],
                message=_message(of_stage, action["actionName"]),
                logs=tuple(_logs(of_stage)),
            )
    return None


def answer_approval(
    codepipeline: "CodePipelineClient", approval: Approval, *, is_approved: bool, by: str
) -> None:
    """Raises QuestionChanged if somebody answered, or if a newer run asks."""
    try:
        codepipeline.put_approval_result(
            pipelineName=approval.pipeline,
            stageName=approval.stage,
            actionName=approval.action,
            token=approval.token,
            result={"status": "Approved" if is_approved else "Rejected", "summary": f"by {by}"},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in _LATE:
            raise QuestionChanged(
                "the question changed while it was shown, nothing was decided: run `make approve` "
                "again"
            ) from error
        raise


def _actions(
    codepipeline: "CodePipelineClient", pipeline: str, execution: str
) -> Iterator[Mapping[str, Any]]:
    """Of one run, the newest first."""
    pages = codepipeline.get_paginator("list_action_executions").paginate(
        pipelineName=pipeline, filter={"pipelineExecutionId": execution}
    )
    for page in pages:
        yield from page["actionExecutionDetails"]


def _message(of_stage: list[Mapping[str, Any]], action: str) -> str:
    """The message with the variables replaced that earlier actions set."""
    given: Mapping[str, Any] = next(
        (detail["input"] for detail in of_stage if detail["actionName"] == action), {}
    )
    settings = given.get("resolvedConfiguration") or given.get("configuration", {})
    return str(settings.get("CustomData", ""))


def _logs(of_stage: list[Mapping[str, Any]]) -> Iterator[str]:
    for detail in of_stage:
        result = detail.get("output", {}).get("executionResult", {})
        if detail["status"] == "Succeeded" and result.get("externalExecutionUrl"):
            yield result["externalExecutionUrl"]
