"""The operations of CodePipeline's API that the branch hub and our commands call."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local_cloud.aws import REGION
from local_cloud.emulator.codepipeline_shapes import (
    action_execution,
    execution,
    page,
    started_actions,
)
from local_cloud.emulator.pipeline_runs import NotRunning, PipelineRuns
from local_cloud.emulator.pipeline_state_api import declaration, pipeline_state
from local_cloud.pipeline.approval import NothingToDecide, decide, pending_approval
from local_cloud.pipeline.definition import DefinitionError, load_definition

TARGET = "CodePipeline_20150709."


class ApiError(Exception):
    """An error answer of the API: an error code of CodePipeline and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CodePipelineApi:
    """One method per operation: takes the request's JSON, returns the answer's; raises ApiError."""

    def __init__(self, *, state_dir: Path, runs: PipelineRuns) -> None:
        self._state_dir = state_dir
        self._runs = runs
        self._operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "GetPipeline": self._get_pipeline,
            "GetPipelineState": self._get_pipeline_state,
            "ListActionExecutions": self._list_action_executions,
            "ListPipelineExecutions": self._list_pipeline_executions,
            "PutApprovalResult": self._put_approval_result,
            "RetryStageExecution": self._retry_stage_execution,
            "StartPipelineExecution": self._start_pipeline_execution,
            "StopPipelineExecution": self._stop_pipeline_execution,
        }

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        handler = self._operations.get(operation)
        if handler is None:
            raise ApiError(
                "UnknownOperationException", f"the local cloud does not implement {operation}"
            )
        try:
            return handler(request)
        except DefinitionError as error:
            raise ApiError("PipelineNotFoundException", str(error)) from error

    def _get_pipeline(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return declaration(load_definition(self._state_dir, request["name"]))

    def _get_pipeline_state(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["name"]
        definition = load_definition(self._state_dir, name)
        waiting = pending_approval(self._state_dir, name) or {}
        return pipeline_state(
            definition, self._runs.states(name), approval=waiting.get("execution", "")
        )

    def _put_approval_result(self, request: Mapping[str, Any]) -> dict[str, Any]:
        given = request["result"]
        try:
            decide(
                self._state_dir,
                request["pipelineName"],
                execution=request["token"],
                approved=given["status"] == "Approved",
                summary=given["summary"],
            )
        except NothingToDecide as error:
            raise ApiError("InvalidApprovalTokenException", str(error)) from error
        return {"approvedAt": time.time()}

    def _list_pipeline_executions(self, request: Mapping[str, Any]) -> dict[str, Any]:
        states = self._runs.states(request["pipelineName"])
        shown = [execution(state) for state in states]
        return page("pipelineExecutionSummaries", shown, request)

    def _list_action_executions(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["pipelineName"]
        wanted = (request.get("filter") or {}).get("pipelineExecutionId")
        definition = load_definition(self._state_dir, name)
        question = pending_approval(self._state_dir, name) or {}
        kinds = {(a.stage, a.name): a for a in definition.actions}
        details = []
        for state in self._runs.states(name):
            if wanted not in (None, state["id"]):
                continue
            for stage, action in started_actions(state):
                kind = kinds.get((stage, action["name"]))
                configuration = dict(kind.configuration) if kind else {}
                asks = (question.get("execution"), question.get("action"))
                resolved = (
                    {"resolvedConfiguration": {**configuration, "CustomData": question["message"]}}
                    if asks == (state["id"], action["name"])
                    else {}
                )
                details.append(
                    {
                        **action_execution(state["id"], stage, action),
                        "pipelineExecutionId": state["id"],
                        "pipelineVersion": 1,
                        "stageName": stage,
                        "actionName": action["name"],
                        "input": {
                            "actionTypeId": {
                                "category": kind.category if kind else "",
                                "owner": "AWS",
                                "provider": action["provider"],
                                "version": "1",
                            },
                            "region": REGION,
                            "configuration": configuration,
                            **resolved,
                        },
                    }
                )
        return page("actionExecutionDetails", details, request)

    def _start_pipeline_execution(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"pipelineExecutionId": self._runs.start(request["name"])}

    def _stop_pipeline_execution(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name, execution_id = request["pipelineName"], request["pipelineExecutionId"]
        state = self._state(name, execution_id)
        if state["status"] == "Stopping" and not request.get("abandon"):
            raise ApiError("DuplicatedStopRequestException", f"{execution_id} is already stopping")
        try:
            self._runs.stop(
                name,
                execution_id,
                abandon=bool(request.get("abandon")),
                reason=request.get("reason", ""),
            )
        except NotRunning as error:
            raise ApiError("PipelineExecutionNotStoppableException", str(error)) from error
        return {"pipelineExecutionId": execution_id}

    def _retry_stage_execution(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name, execution_id = request["pipelineName"], request["pipelineExecutionId"]
        if request.get("retryMode") != "FAILED_ACTIONS":
            raise ApiError(
                "ValidationException", "the local cloud implements retryMode FAILED_ACTIONS only"
            )
        state = self._state(name, execution_id)
        failed = {s for s, action in started_actions(state) if action["state"] == "Failed"}
        if request["stageName"] not in failed:
            raise ApiError("StageNotRetryableException", f"{request['stageName']} has not failed")
        try:
            self._runs.retry(name, execution_id)
        except NotRunning as error:
            raise ApiError("StageNotRetryableException", str(error)) from error
        return {"pipelineExecutionId": execution_id}

    def _state(self, name: str, execution_id: str) -> dict[str, Any]:
        for state in self._runs.states(name):
            if state["id"] == execution_id:
                return state
        raise ApiError(
            "PipelineExecutionNotFoundException", f"{name} has no execution {execution_id}"
        )
