"""B8: ECS tells the tasks that run, with their zones, as it does on AWS."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.emulator.deployed import Deployed


def test_b8_the_tasks_of_a_service_are_listed_and_described(deployed: Deployed) -> None:
    ecs = deployed.aws.ecs
    until_as_many_run_as_are_wanted(deployed)
    arns = ecs.list_tasks(cluster="app", serviceName="app")["taskArns"]
    published = {task["id"]: task for task in running_tasks(deployed)}
    assert {arn.rpartition("/")[2] for arn in arns} == published.keys()

    described = ecs.describe_tasks(cluster="app", tasks=[*arns, "gone"])
    assert [failure["reason"] for failure in described["failures"]] == ["MISSING"]
    for task in described["tasks"]:
        own = published[task["taskArn"].rpartition("/")[2]]
        assert task["availabilityZone"] == own["zone"]
        assert task["group"] == "service:app"
        assert ":task-definition/" in task["taskDefinitionArn"]
    assert len({task["availabilityZone"] for task in described["tasks"]}) == 2


def running_tasks(deployed: Deployed) -> list[Any]:
    found: list[Any] = json.loads((deployed.paths.services / "app.json").read_text())
    return found


def until_as_many_run_as_are_wanted(deployed: Deployed) -> None:
    """The scalable target raises the number after the stack is complete."""
    while True:
        states = [task["state"] for task in running_tasks(deployed)]
        if deployed.tasks_wanted() > 1 and states == ["healthy"] * deployed.tasks_wanted():
            return
        time.sleep(0.2)


def test_b8_tasks_of_another_service_or_that_ended_are_not_listed(deployed: Deployed) -> None:
    ecs = deployed.aws.ecs
    assert ecs.list_tasks(cluster="app", serviceName="other")["taskArns"] == []
    assert ecs.list_tasks(cluster="app", desiredStatus="STOPPED")["taskArns"] == []
    with pytest.raises(ClientError, match="ClusterNotFound"):
        ecs.list_tasks(cluster="none")
