"""The tasks of an environment's service, by availability zone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from page.account import Account
from page.cards import Subject
from page.names import last_part
from page.readers.stacks import environment_stack, resources

_DESCRIBED_MAX: Final = 100  # of one call of DescribeTasks


@dataclass(frozen=True, kw_only=True)
class Task:
    id: str
    service: str
    zone: str
    state: str
    health: str
    address: str
    version: str  # of the task definition
    started: datetime | None


@dataclass(frozen=True, kw_only=True)
class Tasks:
    wanted: int
    by_zone: Mapping[str, Sequence[Task]]

    @property
    def running(self) -> int:
        return sum(task.state == "RUNNING" for zone in self.by_zone.values() for task in zone)


def tasks(account: Account, subject: Subject) -> Tasks:
    """Raises NotThere if there is no such environment."""
    stack = environment_stack(account, subject["suffix"])
    found: list[Task] = []
    wanted = 0
    for cluster in resources(account, stack).get("AWS::ECS::Cluster", []):
        services = resources(account, stack).get("AWS::ECS::Service", [])
        if services:  # else the stack is being created
            described = account.ecs.describe_services(cluster=cluster, services=services)
            wanted += sum(service["desiredCount"] for service in described["services"])
        found += _tasks_of(account, cluster)
    zones = sorted({task.zone for task in found})
    return Tasks(
        wanted=wanted,
        by_zone={zone: [task for task in found if task.zone == zone] for zone in zones},
    )


def _tasks_of(account: Account, cluster: str) -> list[Task]:
    arns: list[str] = []
    for page in account.ecs.get_paginator("list_tasks").paginate(cluster=cluster):
        arns += page["taskArns"]
    found = []
    for start in range(0, len(arns), _DESCRIBED_MAX):
        some = arns[start : start + _DESCRIBED_MAX]
        answer = account.ecs.describe_tasks(cluster=cluster, tasks=some)
        found += [_task(task) for task in answer["tasks"]]
    return sorted(found, key=lambda task: task.id)


def _task(task: Any) -> Task:
    interfaces = [
        interface["privateIpv4Address"]
        for container in task.get("containers", [])
        for interface in container.get("networkInterfaces", [])
        if "privateIpv4Address" in interface
    ]
    return Task(
        id=last_part(task["taskArn"]),
        service=task.get("group", "").partition(":")[2],
        zone=task.get("availabilityZone", ""),
        state=task["lastStatus"],
        health=task.get("healthStatus", "UNKNOWN"),
        address=interfaces[0] if interfaces else "",
        version=task["taskDefinitionArn"].rpartition(":")[2],
        started=task.get("startedAt"),
    )
