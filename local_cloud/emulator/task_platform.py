"""Starts the tasks of ECS services, and registers them with the load balancer."""

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local_cloud.addresses import LoopbackAddresses
from local_cloud.aws import AwsClients, environment
from local_cloud.emulator.deployment import Platform
from local_cloud.emulator.load_balancers import TARGETS_REFRESH_SECONDS, LoadBalancers
from local_cloud.emulator.task import Task, new_task_id, start_task
from local_cloud.emulator.task_definition import TaskCannotStart, resolve, role_environment
from local_cloud.emulator.task_logs import TaskLogs
from local_cloud.images.store import ImageError, load_image
from local_cloud.paths import STATE_MARK
from local_cloud.zones import Zones

# A target that was deregistered may still get requests until Caddy has looked its targets up again.
_DRAIN_SECONDS: Final = TARGETS_REFRESH_SECONDS + 0.3


def describe_service(aws: AwsClients, arn: str) -> dict[str, Any]:
    """The service as the ECS API shows it; empty when there is none."""
    cluster = arn.rsplit("/", 2)[-2]
    services = aws.ecs.describe_services(cluster=cluster, services=[arn])["services"]
    return dict(services[0]) if services else {}


@dataclass(frozen=True, kw_only=True)
class TaskPlatform:
    """The platform shared by the tasks of all services."""

    folder: Path
    state_dir: Path
    addresses: LoopbackAddresses
    aws: AwsClients
    load_balancers: LoadBalancers
    logs: TaskLogs
    zones: Zones

    def of_service(self, arn: str, tasks: Callable[[], Iterable[Task]]) -> Platform:
        """The platform of one service; `tasks` returns the tasks that it has."""

        def start(definition_arn: str) -> Task:
            return self._start(arn, definition_arn, zone=self._next_zone(arn, tasks()))

        def register(task: Task) -> None:
            for group in self._groups(arn):
                self.aws.elbv2.register_targets(TargetGroupArn=group, Targets=[_target(task)])
            self.load_balancers.refresh()

        def deregister(task: Task) -> None:
            if not task.is_healthy:
                return
            for group in self._groups(arn):
                self.aws.elbv2.deregister_targets(TargetGroupArn=group, Targets=[_target(task)])
            self.load_balancers.refresh()
            time.sleep(_DRAIN_SECONDS)

        def released(task: Task) -> None:
            self.logs.forget(task)
            self.addresses.release(f"task/{task.id}")

        return Platform(start=start, register=register, deregister=deregister, released=released)

    def forget_tasks(self) -> None:
        """Release the addresses of tasks of an earlier cloud, and delete their facts."""
        self.addresses.release_all("task/")
        for facts in (*self.folder.glob("*.json"), *self.folder.glob("*/*.json")):
            facts.unlink()
        for scratch in self.folder.glob("*/*.tmp"):
            shutil.rmtree(scratch, ignore_errors=True)

    def deregister_all(self, arn: str) -> None:
        """Deregister every target of a service."""
        for group in self._groups(arn):
            health = self.aws.elbv2.describe_target_health(TargetGroupArn=group)
            targets: list[Any] = [t["Target"] for t in health["TargetHealthDescriptions"]]
            if targets:
                self.aws.elbv2.deregister_targets(TargetGroupArn=group, Targets=targets)

    def usable_zones(self, service: dict[str, Any]) -> tuple[str, ...]:
        """The zones of the service's subnets that are not lost."""
        network = service.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
        subnets = self.aws.ec2.describe_subnets(SubnetIds=network.get("subnets", []))["Subnets"]
        zones = {s["AvailabilityZone"] for s in subnets} or {"none"}
        return tuple(sorted(zones - self.zones.lost()))

    def _groups(self, arn: str) -> list[str]:
        service = describe_service(self.aws, arn)
        return [b["targetGroupArn"] for b in service.get("loadBalancers", [])]

    def _start(self, arn: str, definition_arn: str, *, zone: str) -> Task:
        container = resolve(self.aws, definition_arn)
        try:
            image = load_image(container.image, self.state_dir)
        except ImageError as error:
            raise TaskCannotStart(str(error)) from error
        task_id = new_task_id()
        task = start_task(
            task_id=task_id,
            definition_arn=definition_arn,
            container=container,
            image=image,
            address=self.addresses.allocate(f"task/{task_id}", port=container.port),
            zone=zone,
            folder=self.folder / arn.rsplit("/", 1)[-1],
            platform_environment={
                **environment(self.aws.endpoint_url),
                **role_environment(self.aws, container, task_id),
                STATE_MARK: str(self.state_dir),
            },
        )
        self.logs.follow(task)
        return task

    def _next_zone(self, arn: str, tasks: Iterable[Task]) -> str:
        """The usable zone with the fewest live tasks."""
        zones = self.usable_zones(describe_service(self.aws, arn))
        if not zones:
            raise TaskCannotStart("every zone of its subnets is lost")
        alive = [t for t in tasks if not t.is_stopping]
        return min(zones, key=lambda zone: sum(t.zone == zone for t in alive))


def _target(task: Task) -> Any:
    return {"Id": task.address, "Port": task.container.port}
