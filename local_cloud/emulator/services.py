"""AWS::ECS::Service: a loop adjusts the tasks to the services in the emulator's ECS API.

Therefore a change through the API, such as `aws ecs update-service`, works like a stack update.
"""

import json
import logging
import threading
import time
from pathlib import Path

from local_cloud.addresses import LoopbackAddresses
from local_cloud.aws import AwsClients
from local_cloud.emulator.deployment import Service, Wanted
from local_cloud.emulator.deployment_alarms import DeploymentAlarms, alarm_names
from local_cloud.emulator.load_balancers import LoadBalancers
from local_cloud.emulator.ministack_adapter import (
    Attributes,
    Follower,
    Properties,
    corrections,
    records,
)
from local_cloud.emulator.task import HealthCheck
from local_cloud.emulator.task_logs import TaskLogs
from local_cloud.emulator.task_platform import TaskPlatform, describe_service
from local_cloud.whole_file import write_whole
from local_cloud.zones import Zones

logger = logging.getLogger(__name__)

_BUSY_INTERVAL_SECONDS = 0.25
_IDLE_INTERVAL_SECONDS = 1.0
_READ_API_INTERVAL_SECONDS = 5.0
_STABLE_TIMEOUT_SECONDS = 300.0


class Services:
    """Every ECS service of this cloud."""

    def __init__(
        self,
        *,
        folder: Path,
        state_dir: Path,
        addresses: LoopbackAddresses,
        aws: AwsClients,
        load_balancers: LoadBalancers,
        zones: Zones,
    ) -> None:
        self._folder = folder
        self._aws = aws
        self._logs = TaskLogs(aws)
        self._tasks = TaskPlatform(
            folder=folder,
            state_dir=state_dir,
            addresses=addresses,
            aws=aws,
            load_balancers=load_balancers,
            logs=self._logs,
            zones=zones,
        )
        self._services: dict[str, Service] = {}  # by service ARN
        self._alarms = DeploymentAlarms(aws)
        self._alarm_names: dict[str, tuple[str, ...]] = {}  # by service ARN
        self._retired: list[Service] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="services", daemon=True)
        self._thread.start()

    def followers(self) -> dict[str, Follower]:
        return {
            "AWS::ECS::Service": Follower(
                created=self._created, updated=self._updated, deleting=self._deleting
            ),
            "AWS::ECS::TaskDefinition": Follower(
                created=lambda arn, *_: corrections.complete_task_definition(arn),
                updated=lambda arn, *_: corrections.complete_task_definition(arn),
            ),
        }

    def resume(self) -> None:
        """Start the tasks of the services of an earlier cloud; its own tasks have ended."""
        self._tasks.forget_tasks()
        for arn in records.service_arns():
            self._tasks.deregister_all(arn)
            self._follow_api(arn, self._service(arn))
        self._wake.set()

    def is_serving(self) -> bool:
        """True if every service has a healthy task, or cannot get one."""
        with self._lock:
            services = list(self._services.values())
        return all(service.is_serving for service in services)

    def stop(self) -> None:
        """Ask every task to stop; kill those that still run after 10 seconds."""
        self._stopped.set()
        self._wake.set()
        self._thread.join()
        everything = [*self._services.values(), *self._retired]
        for service in everything:
            service.stop_all()
        deadline = time.monotonic() + 10
        while any(service.tasks for service in everything):
            for service in everything:
                service.reconcile()
                for task in service:
                    if time.monotonic() > deadline:
                        task.process.kill()
            time.sleep(0.05)
        self._logs.forward()

    # -- CloudFormation -----------------------------------------------------------------------

    def _created(self, arn: str, properties: Properties, _: Attributes) -> None:
        self._deploy(arn, properties)

    def _updated(self, arn: str, _: Properties, new: Properties, __: Attributes) -> None:
        self._deploy(arn, new)

    def _deploy(self, arn: str, properties: Properties) -> None:
        service = self._service(arn)
        self._follow_api(arn, service)
        self._wake.set()
        service.wait_until_stable(
            properties["TaskDefinition"], timeout_seconds=_STABLE_TIMEOUT_SECONDS
        )

    def _deleting(self, arn: str, _: Properties) -> None:
        with self._lock:
            service = self._services.pop(arn, None)
            if service is not None:
                self._retired.append(service)
        if service is None:
            return
        service.stop_all()
        self._wake.set()
        while service.tasks and not self._stopped.is_set():
            time.sleep(0.05)
        (self._folder / f"{service.name}.json").unlink(missing_ok=True)

    # -- the loop -----------------------------------------------------------------------------

    def _loop(self) -> None:
        next_read = 0.0
        while not self._stopped.is_set():
            with self._lock:
                services = dict(self._services)
                self._retired = [s for s in self._retired if s.tasks]
                retired = list(self._retired)
            try:
                if time.monotonic() >= next_read:
                    for arn, service in services.items():
                        self._follow_api(arn, service)
                    next_read = time.monotonic() + _READ_API_INTERVAL_SECONDS
                for arn, service in services.items():
                    self._alarms.watch(service, self._alarm_names.get(arn, ()))
                for service in [*services.values(), *retired]:
                    service.reconcile()
                    self._publish(service)
                self._logs.forward()
            except Exception:  # the thread's boundary: an error must not end the loop
                logger.exception("services: a round failed")
            tasks = [t for s in [*services.values(), *retired] for t in s]
            is_busy = any(not t.is_healthy or t.is_stopping for t in tasks)
            self._wake.wait(_BUSY_INTERVAL_SECONDS if is_busy else _IDLE_INTERVAL_SECONDS)
            self._wake.clear()

    def _service(self, arn: str) -> Service:
        with self._lock:
            if arn not in self._services:
                name = arn.rsplit("/", 1)[-1]
                platform = self._tasks.of_service(arn, lambda: self._services[arn])
                self._services[arn] = Service(name=name, platform=platform)
            return self._services[arn]

    def _follow_api(self, arn: str, service: Service) -> None:
        record = describe_service(self._aws, arn)
        if record.get("status") != "ACTIVE":
            return
        self._alarm_names[arn] = alarm_names(record)
        groups = [b["targetGroupArn"] for b in record.get("loadBalancers", [])]
        service.want(
            Wanted(
                definition_arn=record["taskDefinition"],
                count=record["desiredCount"],
                health_check=self._health_check(groups[0]) if groups else None,
                grace_seconds=float(record.get("healthCheckGracePeriodSeconds", 0)),
                zones=self._tasks.usable_zones(record),
            )
        )

    def _health_check(self, group_arn: str) -> HealthCheck:
        group = self._aws.elbv2.describe_target_groups(TargetGroupArns=[group_arn])
        check = group["TargetGroups"][0]
        return HealthCheck(
            protocol=check.get("HealthCheckProtocol", check["Protocol"]),
            path=check.get("HealthCheckPath", "/"),
            expected=check.get("Matcher", {}).get("HttpCode", "200"),
            interval_seconds=check.get("HealthCheckIntervalSeconds", 30),
            timeout_seconds=check.get("HealthCheckTimeoutSeconds", 5),
            unhealthy_threshold=check.get("UnhealthyThresholdCount", 2),
        )

    def _publish(self, service: Service) -> None:
        """Write what `make status` shows."""
        facts = [
            {
                "id": t.id,
                "zone": t.zone,
                "address": f"{t.address}:{t.container.port}",
                "pid": t.process.pid,
                "state": "stopping" if t.is_stopping else "healthy" if t.is_healthy else "starting",
                "log": str(t.log_file),
                "definition": t.definition_arn,
            }
            for t in service
        ]
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._folder / f"{service.name}.json", json.dumps(facts, indent=1))
