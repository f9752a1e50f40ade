"""GetPipeline and GetPipelineState: a deployed definition, and where its newest run is."""

from collections.abc import Mapping, Sequence
from typing import Any

from local_cloud.emulator.codepipeline_shapes import action_execution
from local_cloud.pipeline.definition import Definition

# By recorded state of a stage's actions, the worst first.
_WORST = ("Failed", "Stopped", "InProgress")


def declaration(definition: Definition) -> dict[str, Any]:
    """What GetPipeline answers."""
    return {
        "pipeline": {
            "name": definition.name,
            "roleArn": "arn:aws:iam::000000000000:role/local",
            "pipelineType": "V2",
            "executionMode": "SUPERSEDED",
            "version": 1,
            "stages": [
                {
                    "name": stage.name,
                    "actions": [
                        {
                            "name": action.name,
                            "actionTypeId": {
                                "category": action.category,
                                "owner": "AWS",
                                "provider": action.provider,
                                "version": "1",
                            },
                            "runOrder": action.run_order,
                            "configuration": dict(action.configuration),
                        }
                        for action in stage.actions
                    ],
                }
                for stage in definition.stages
            ],
        }
    }


def pipeline_state(
    definition: Definition, states: Sequence[Mapping[str, Any]], *, approval: str
) -> dict[str, Any]:
    """What GetPipelineState answers. `approval`: the execution that waits for one, or empty."""
    return {
        "pipelineName": definition.name,
        "pipelineVersion": 1,
        "stageStates": [_stage(definition, stage.name, states, approval) for stage in
                        definition.stages],
    }  # fmt: skip


def _stage(
    definition: Definition, name: str, states: Sequence[Mapping[str, Any]], approval: str
) -> dict[str, Any]:
    """As the newest run has it that came so far."""
    for state in states:
        stage = next((s for s in state["stages"] if s["name"] == name), None)
        if stage is None:
            continue
        started = [a for a in stage["actions"] if a["started"] is not None]
        if started:
            return {
                "stageName": name,
                "latestExecution": {
                    "pipelineExecutionId": state["id"],
                    "status": _status([a["state"] for a in stage["actions"]]),
                },
                "actionStates": [_action(state["id"], name, a, approval) for a in started],
            }
    actions = next(s.actions for s in definition.stages if s.name == name)
    return {"stageName": name, "actionStates": [{"actionName": a.name} for a in actions]}


def _status(states: Sequence[str]) -> str:
    worst = next((w for w in _WORST if w in states), "")
    if not worst:
        return "InProgress" if "Waiting" in states else "Succeeded"
    return worst


def _action(execution: str, stage: str, action: Mapping[str, Any], approval: str) -> dict[str, Any]:
    shape = action_execution(execution, stage, action)
    result = shape["output"]["executionResult"]
    latest: dict[str, Any] = {
        "actionExecutionId": shape["actionExecutionId"],
        "status": shape["status"],
        "lastStatusChange": shape["lastUpdateTime"],
        "externalExecutionUrl": result["externalExecutionUrl"],
    }
    if "errorDetails" in result:
        latest["errorDetails"] = result["errorDetails"]
    if action["provider"] == "Manual" and action["state"] == "InProgress" and approval == execution:
        latest["token"] = execution  # names the question, as the token of AWS does
    return {"actionName": action["name"], "latestExecution": latest}
