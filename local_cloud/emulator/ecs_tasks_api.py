"""ListTasks and DescribeTasks of ECS: the tasks that `services.py` runs, which MiniStack lacks."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from local_cloud.aws import ACCOUNT, REGION, AwsClients
from local_cloud.emulator.codepipeline_api import ApiError

TARGETS: Final = (
    "AmazonEC2ContainerServiceV20141113.ListTasks",
    "AmazonEC2ContainerServiceV20141113.DescribeTasks",
)
_ARN: Final = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
# By state of the task: its status and its health.
_STATES: Final = {
    "starting": ("RUNNING", "UNKNOWN"),
    "healthy": ("RUNNING", "HEALTHY"),
    "stopping": ("DEACTIVATING", "UNKNOWN"),
}


class EcsTasksApi:
    """`folder` holds what `services.py` publishes: one file for each service."""

    def __init__(self, folder: Path, *, aws: AwsClients) -> None:
        self._folder = folder
        self._aws = aws

    def list_tasks(self, _: str, request: Mapping[str, Any]) -> dict[str, Any]:
        cluster = _cluster(request)
        wanted = str(request.get("serviceName", "")).rpartition("/")[2]
        tasks = self._tasks(cluster) if request.get("desiredStatus", "RUNNING") == "RUNNING" else {}
        return {
            "taskArns": [
                arn
                for arn, task in tasks.items()
                if wanted in ("", task["group"].partition(":")[2])
            ]
        }

    def describe_tasks(self, _: str, request: Mapping[str, Any]) -> dict[str, Any]:
        tasks = self._tasks(_cluster(request))
        found, missing = [], []
        for name in request["tasks"]:
            arn = next((a for a in tasks if a == name or a.endswith(f"/{name}")), None)
            if arn is None:
                missing.append({"arn": name, "reason": "MISSING"})
            else:
                found.append(tasks[arn])
        return {"tasks": found, "failures": missing}

    def _tasks(self, cluster: str) -> dict[str, dict[str, Any]]:
        """By ARN, of every service of the cluster. Raises ApiError if there is no such cluster."""
        if not self._aws.ecs.describe_clusters(clusters=[cluster])["clusters"]:
            raise ApiError("ClusterNotFoundException", "Cluster not found.")
        found = {}
        for arn in self._aws.ecs.list_services(cluster=cluster)["serviceArns"]:
            service = arn.rpartition("/")[2]
            file = self._folder / f"{service}.json"
            for task in json.loads(file.read_text()) if file.exists() else []:
                status, health = _STATES[task["state"]]
                found[f"{_ARN}:task/{cluster}/{task['id']}"] = {
                    "taskArn": f"{_ARN}:task/{cluster}/{task['id']}",
                    "clusterArn": f"{_ARN}:cluster/{cluster}",
                    "group": f"service:{service}",
                    "availabilityZone": task["zone"],
                    "lastStatus": status,
                    "desiredStatus": "STOPPED" if task["state"] == "stopping" else "RUNNING",
                    "healthStatus": health,
                    "launchType": "FARGATE",
                    "taskDefinitionArn": task.get("definition", ""),
                    "containers": [
                        {"networkInterfaces": [{"privateIpv4Address": task["address"]}]}
                    ],
                }
        return found


def _cluster(request: Mapping[str, Any]) -> str:
    return str(request.get("cluster", "default")).rpartition("/")[2]
