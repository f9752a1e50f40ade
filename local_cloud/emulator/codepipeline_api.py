"""The part of CodePipeline's API that people, the branch hub and tools ask for, over our runs."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local_cloud.aws import REGION
from local_cloud.emulator.codepipeline_shapes import (
    action_execution,
    execution,
    has_begun,
    in_api_spelling,
    latest_execution,
    page,
    pipeline_arn,
    stage_status,
    started_actions,
)
from local_cloud.emulator.pipeline_runs import NotRunning, PipelineRuns
from local_cloud.pipeline.approval import NothingToDecide, decide, pending_approval
from local_cloud.pipeline.definition import DefinitionError, load_definition

TARGET = "CodePipeline_20150709."


class ApiError(Exception):
    """What the API refuses with: an error code of CodePipeline and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CodePipelineApi:
    """One method per operation, from the request's JSON to the answer's. Raises ApiError."""

    def __init__(self, *, state_dir: Path, runs: PipelineRuns) -> None:
        self._state_dir = state_dir
        self._runs = runs
        self._operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "GetPipeline": self._get_pipeline,
            "GetPipelineExecution": self._get_pipeline_execution,
            "GetPipelineState": self._get_pipeline_state,
            "ListActionExecutions": self._list_action_executions,
            "ListPipelineExecutions": self._list_pipeline_executions,
            "ListPipelines": self._list_pipelines,
            "PutApprovalResult": self._put_approval_result,
            "RetryStageExecution": self._retry_stage_execution,
            "StartPipelineExecution": self._start_pipeline_execution,
            "StopPipelineExecution": self._stop_pipeline_execution,
        }

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        handler = self._operations.get(operation)
        if handler is None:
            raise ApiError("UnknownOperationException", f"{operation} is not imitated here")
        try:
            return handler(request)
        except DefinitionError as error:
            raise ApiError("PipelineNotFoundException", str(error)) from error

    def _get_pipeline(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["name"]
        properties = json.loads(load_definition(self._state_dir, name).text)
        pipeline = {**in_api_spelling(properties), "name": name, "version": 1}
        return {"pipeline": pipeline, "metadata": {"pipelineArn": pipeline_arn(name)}}

    def _list_pipelines(self, _: Mapping[str, Any]) -> dict[str, Any]:
        files = sorted((self._state_dir / "cloud" / "pipelines").glob("[!.]*.json"))
        return {"pipelines": [{"name": file.stem, "version": 1} for file in files]}

    def _list_pipeline_executions(self, request: Mapping[str, Any]) -> dict[str, Any]:
        states = self._runs.states(request["pipelineName"])
        shown = [execution(state) for state in states]
        return page("pipelineExecutionSummaries", shown, request)

    def _get_pipeline_execution(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["pipelineName"]
        state = self._state(name, request["pipelineExecutionId"])
        shown = execution(state)
        revisions = [{"name": r["actionName"], **r} for r in shown.pop("sourceRevisions")]
        return {
            "pipelineExecution": {
                **shown,
                "pipelineName": name,
                "pipelineVersion": 1,
                "artifactRevisions": revisions,
            }
        }

    def _list_action_executions(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["pipelineName"]
        wanted = (request.get("filter") or {}).get("pipelineExecutionId")
        definition = load_definition(self._state_dir, name)
        kinds = {(a.stage, a.name): a for a in definition.actions}
        details = []
        for state in self._runs.states(name):
            if wanted not in (None, state["id"]):
                continue
            for stage, action in started_actions(state):
                kind = kinds.get((stage, action["name"]))
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
                        },
                    }
                )
        return page("actionExecutionDetails", details, request)

    def _get_pipeline_state(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["name"]
        definition = load_definition(self._state_dir, name)
        states = self._runs.states(name)
        waiting = pending_approval(self._state_dir, name)
        shown = []
        for stage in definition.stages:
            latest = next((s for s in states if has_begun(s, stage.name)), None)
            stage_state: dict[str, Any] = {"stageName": stage.name, "actionStates": []}
            begun = {a["name"]: a for s, a in started_actions(latest or {}) if s == stage.name}
            if latest is not None:
                status = stage_status([a["state"] for a in begun.values()], len(stage.actions))
                stage_state["latestExecution"] = {
                    "pipelineExecutionId": latest["id"],
                    "status": status,
                }
            for action in stage.actions:
                about: dict[str, Any] = {"actionName": action.name}
                if latest is not None and action.name in begun:
                    about["latestExecution"] = latest_execution(
                        latest["id"], stage.name, begun[action.name]
                    )
                    asked = waiting and (waiting["stage"], waiting["action"])
                    if waiting and asked == (stage.name, action.name):
                        about["latestExecution"]["token"] = waiting["execution"]
                stage_state["actionStates"].append(about)
            shown.append(stage_state)
        return {"pipelineName": name, "pipelineVersion": 1, "stageStates": shown}

    def _start_pipeline_execution(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"pipelineExecutionId": self._runs.start(request["name"])}

    def _stop_pipeline_execution(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name, execution_id = request["pipelineName"], request["pipelineExecutionId"]
        state = self._state(name, execution_id)
        if state["status"] == "Stopping" and not request.get("abandon"):
            raise ApiError("DuplicatedStopRequestException", f"{execution_id} is stopping already")
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
            raise ApiError("ValidationException", "only retryMode FAILED_ACTIONS is imitated here")
        state = self._state(name, execution_id)
        failed = {s for s, action in started_actions(state) if action["state"] == "Failed"}
        if request["stageName"] not in failed:
            raise ApiError("StageNotRetryableException", f"{request['stageName']} has not failed")
        try:
            self._runs.retry(name, execution_id)
        except NotRunning as error:
            raise ApiError("StageNotRetryableException", str(error)) from error
        return {"pipelineExecutionId": execution_id}

    def _put_approval_result(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name, result = request["pipelineName"], request["result"]
        waiting = pending_approval(self._state_dir, name)
        if waiting is None or request["token"] != waiting["execution"]:
            raise ApiError("InvalidApprovalTokenException", "no approval waits with that token")
        try:
            decide(
                self._state_dir,
                name,
                execution=request["token"],
                approved=result["status"] == "Approved",
                summary=result["summary"],
            )
        except NothingToDecide as error:
            raise ApiError("ApprovalAlreadyCompletedException", str(error)) from error
        return {"approvedAt": time.time()}

    def _state(self, name: str, execution_id: str) -> dict[str, Any]:
        for state in self._runs.states(name):
            if state["id"] == execution_id:
                return state
        raise ApiError(
            "PipelineExecutionNotFoundException", f"{name} has no execution {execution_id}"
        )
