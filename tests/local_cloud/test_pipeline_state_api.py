"""B8: the state of a pipeline, by the runs that came to each stage."""

from typing import Any

from local_cloud.emulator.pipeline_state_api import pipeline_state
from local_cloud.pipeline.definition import Definition, parse_definition


def _definition() -> Definition:
    stages = {"Source": "CodeCommit", "Approval": "Manual", "Deploy": "CloudFormation"}
    return parse_definition(
        "delivery",
        {
            "Stages": [
                {
                    "Name": stage,
                    "Actions": [
                        {
                            "Name": "Act",
                            "ActionTypeId": {"Category": "Any", "Provider": provider},
                        }
                    ],
                }
                for stage, provider in stages.items()
            ]
        },
    )


def _run(name: str, **states: str) -> dict[str, Any]:
    """`states` by stage; a stage that is not named waits."""
    providers = {"Source": "CodeCommit", "Approval": "Manual", "Deploy": "CloudFormation"}
    return {
        "id": name,
        "stages": [
            {
                "name": stage,
                "actions": [
                    {
                        "name": "Act",
                        "provider": provider,
                        "state": states.get(stage, "Waiting"),
                        "started": 1.0 if stage in states else None,
                        "ended": None,
                        "reason": "broken",
                        "log": "/log",
                    }
                ],
            }
            for stage, provider in providers.items()
        ],
    }


def _stages(*runs: dict[str, Any], approval: str = "") -> dict[str, Any]:
    found = pipeline_state(_definition(), runs, approval=approval)
    return {stage["stageName"]: stage for stage in found["stageStates"]}


def test_b8_a_stage_shows_the_newest_run_that_came_to_it() -> None:
    newer = _run("newer", Source="InProgress")
    older = _run("older", Source="Succeeded", Approval="Succeeded")
    stages = _stages(newer, older)
    runs = {
        name: stage["latestExecution"]["pipelineExecutionId"]
        for name, stage in stages.items()
        if "latestExecution" in stage
    }
    assert runs == {"Source": "newer", "Approval": "older"}
    assert stages["Deploy"]["actionStates"] == [{"actionName": "Act"}]


def test_b8_a_stage_that_a_run_has_not_is_that_of_an_earlier_run() -> None:
    other = {"id": "other", "stages": []}  # of another definition
    stages = _stages(other, _run("older", Source="Failed"))
    assert stages["Source"]["latestExecution"] == {
        "pipelineExecutionId": "older",
        "status": "Failed",
    }
    (action,) = stages["Source"]["actionStates"]
    assert action["latestExecution"]["errorDetails"]["message"] == "broken"


def test_b8_a_waiting_approval_has_a_token_and_an_answered_one_has_none() -> None:
    run = _run("run", Source="Succeeded", Approval="InProgress")
    (waiting,) = _stages(run, approval="run")["Approval"]["actionStates"]
    assert waiting["latestExecution"]["token"] == "run"
    (answered,) = _stages(run)["Approval"]["actionStates"]
    assert "token" not in answered["latestExecution"]
