"""B8: ECS tells the tasks that run, with their zones, as it does on AWS."""

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.emulator.deployed import Deployed


def test_b8_the_tasks_of_a_service_are_listed_and_described(deployed: Deployed) -> None:
    ecs = deployed.aws.ecs
    deployed.until_all_tasks_are_healthy()
    arns = ecs.list_tasks(cluster="app", serviceName="app")["taskArns"]
    published = {task["id"]: task for task in deployed.tasks()}
    assert {arn.rpartition("/")[2] for arn in arns} == published.keys()

    described = ecs.describe_tasks(cluster="app", tasks=[*arns, "gone"])
    assert [failure["reason"] for failure in described["failures"]] == ["MISSING"]
    for task in described["tasks"]:
        own = published[task["taskArn"].rpartition("/")[2]]
        assert task["availabilityZone"] == own["zone"]
        assert task["group"] == "service:app"
        assert ":task-definition/" in task["taskDefinitionArn"]
    assert len({task["availabilityZone"] for task in described["tasks"]}) == 2


def test_b8_tasks_of_another_service_or_that_ended_are_not_listed(deployed: Deployed) -> None:
    ecs = deployed.aws.ecs
    assert ecs.list_tasks(cluster="app", serviceName="other")["taskArns"] == []
    assert ecs.list_tasks(cluster="app", desiredStatus="STOPPED")["taskArns"] == []
    with pytest.raises(ClientError, match="ClusterNotFound"):
        ecs.list_tasks(cluster="none")
