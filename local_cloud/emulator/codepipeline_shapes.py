"""How CodePipeline's API shows what is written down about runs."""

import time
from collections.abc import Mapping
from typing import Any

from local_cloud.aws import ACCOUNT, REGION

_PAGE = 100

# By what is written down; Waiting actions are not shown.
_ACTION_STATUS = {
    "InProgress": "InProgress",
    "Succeeded": "Succeeded",
    "Failed": "Failed",
    "Stopped": "Abandoned",
}


def execution(state: Mapping[str, Any]) -> dict[str, Any]:
    status = "InProgress" if state["status"] == "Queued" else state["status"]
    shown: dict[str, Any] = {
        "pipelineExecutionId": state["id"],
        "status": status,
        "statusSummary": state.get("reason", ""),
        "sourceRevisions": [{"actionName": "Source", "revisionId": state["commit"]}],
        "trigger": {"triggerType": state["trigger"]},
        "executionMode": "SUPERSEDED",
        "executionType": "STANDARD",
    }
    if state["started"] is not None:
        shown["startTime"] = state["started"]
        shown["lastUpdateTime"] = state.get("ended") or time.time()
    return shown


def started_actions(state: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Newest first."""
    found = [
        (stage["name"], action)
        for stage in state.get("stages", [])
        for action in stage["actions"]
        if action["started"] is not None
    ]
    return sorted(found, key=lambda pair: float(pair[1]["started"]), reverse=True)


def has_begun(state: Mapping[str, Any], stage: str) -> bool:
    return any(name == stage for name, _ in started_actions(state))


def stage_status(states: list[str], actions: int) -> str:
    for status in ("Failed", "Stopped"):
        if status in states:
            return status
    is_done = len(states) == actions and set(states) == {"Succeeded"}
    return "Succeeded" if is_done else "InProgress"


def action_execution(execution_id: str, stage: str, action: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"externalExecutionUrl": action["log"] or ""}
    if action["state"] == "Failed":
        result["externalExecutionSummary"] = action["reason"]
        result["errorDetails"] = {"code": "JobFailed", "message": action["reason"]}
    return {
        "actionExecutionId": f"{execution_id}/{stage}/{action['name']}",
        "status": _ACTION_STATUS[action["state"]],
        "startTime": action["started"],
        "lastUpdateTime": action["ended"] or time.time(),
        "output": {"executionResult": result, "outputVariables": action.get("outputs") or {}},
    }


def latest_execution(execution_id: str, stage: str, action: Mapping[str, Any]) -> dict[str, Any]:
    shown = action_execution(execution_id, stage, action)
    latest = {
        "actionExecutionId": shown["actionExecutionId"],
        "status": shown["status"],
        "summary": action["reason"],
        "lastStatusChange": shown["lastUpdateTime"],
    }
    if action["state"] == "Failed":
        latest["errorDetails"] = shown["output"]["executionResult"]["errorDetails"]
    return latest


def page(key: str, items: list[Any], request: Mapping[str, Any]) -> dict[str, Any]:
    start = int(request.get("nextToken") or 0)
    end = start + min(int(request.get("maxResults") or _PAGE), _PAGE)
    more = {"nextToken": str(end)} if end < len(items) else {}
    return {key: items[start:end], **more}


def in_api_spelling(value: Any) -> Any:
    """Keys of a template as the API spells them; those of a configuration are the actions' own."""
    if isinstance(value, Mapping):
        return {
            key[:1].lower() + key[1:]: item if key == "Configuration" else in_api_spelling(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [in_api_spelling(item) for item in value]
    return value


def pipeline_arn(name: str) -> str:
    return f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:{name}"
