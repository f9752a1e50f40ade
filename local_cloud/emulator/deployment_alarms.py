"""Stops the deployment of a service when one of its alarms starts, as ECS does.

The alarms are those of the service's `deploymentConfiguration`. The time after a deployment in
which ECS still watches them (the bake time) is not imitated.
"""

from collections.abc import Mapping
from typing import Any

from local_cloud.aws import AwsClients
from local_cloud.emulator.deployment import Service


def alarm_names(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The alarms that watch deployments of a service, from the ECS API."""
    alarms = record.get("deploymentConfiguration", {}).get("alarms", {})
    return tuple(alarms.get("alarmNames", ())) if alarms.get("enable") else ()


class DeploymentAlarms:
    """Call `watch` periodically for each service."""

    def __init__(self, aws: AwsClients) -> None:
        self._aws = aws
        # By service: the deployment, and whether an alarm was active when it began. ECS then does
        # not watch it, or no correction could be deployed.
        self._began: dict[str, tuple[str, bool]] = {}

    def watch(self, service: Service, names: tuple[str, ...]) -> None:
        definition = service.deploying
        if definition is None or not names:
            return
        active = self._active(names)
        known, was_active = self._began.get(service.name, ("", False))
        if known != definition:
            self._began[service.name] = definition, bool(active)
        elif active and not was_active:
            service.stop_deployment(definition, f"alarm {active[0]} started during the deployment")

    def _active(self, names: tuple[str, ...]) -> list[str]:
        found = self._aws.cloudwatch.describe_alarms(
            AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        return [
            alarm["AlarmName"]
            for alarm in (*found["MetricAlarms"], *found["CompositeAlarms"])
            if alarm["StateValue"] == "ALARM"
        ]
