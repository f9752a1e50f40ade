"""CodePipeline's API representation of recorded runs."""

import time
from collections.abc import Mapping
from typing import Any

_PAGE = 100

# By recorded state. Waiting actions are left out of the answers.
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
        "sourceRevisions": [
            {
                "actionName": "Source",
                "revisionId": state["commit"],
                "revisionSummary": _commit_message(state),
            }
        ],
        "trigger": {"triggerType": state["trigger"]},
        "executionMode": "SUPERSEDED",
        "executionType": "STANDARD",
    }
    if state["started"] is not None:
        shown["startTime"] = state["started"]
        shown["lastUpdateTime"] = state.get("ended") or time.time()
    return shown


def _commit_message(state: Mapping[str, Any]) -> str:
    """Its first line, which the source action has read; empty before."""
    messages = (
        action.get("outputs", {}).get("CommitMessage", "")
        for stage in state.get("stages", [])
        for action in stage["actions"]
    )
    return next((message.splitlines()[0] for message in messages if message), "")


def started_actions(state: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Newest first."""
    found = [
        (stage["name"], action)
        for stage in state.get("stages", [])
        for action in stage["actions"]
        if action["started"] is not None
    ]
    return sorted(found, key=lambda pair: float(pair[1]["started"]), reverse=True)


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


def page(key: str, items: list[Any], request: Mapping[str, Any]) -> dict[str, Any]:
    start = int(request.get("nextToken") or 0)
    end = start + min(int(request.get("maxResults") or _PAGE), _PAGE)
    more = {"nextToken": str(end)} if end < len(items) else {}
    return {key: items[start:end], **more}
