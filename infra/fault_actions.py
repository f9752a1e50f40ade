"""Actions of AWS Fault Injection Service on one environment, and how each finds its targets.

Facts about FIS come from these pages:

* Actions: https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html
* Targets: https://docs.aws.amazon.com/fis/latest/userguide/targets.html
* Loss of a zone: https://docs.aws.amazon.com/fis/latest/userguide/az-availability-scenario.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import ArnFormat, Stack
from aws_cdk.aws_fis import CfnExperimentTemplate as Template

from infra.component_names import SERVICE
from infra.database import cluster_name
from infra.naming import EnvironmentSuffix
from infra.network import ISOLATED_SUBNETS
from infra.service import CLUSTER


@dataclass(frozen=True, kw_only=True)
class FaultAction:
    action: str
    target: str  # the action's name for what it acts on
    selection: Template.ExperimentTemplateTargetProperty
    parameters: Mapping[str, str] = field(default_factory=dict)


def database_arn(stack: Stack, suffix: EnvironmentSuffix) -> str:
    return stack.format_arn(
        service="rds",
        resource="cluster",
        resource_name=cluster_name(suffix),
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


@dataclass(frozen=True, kw_only=True)
class Faults:
    """The actions on the environment `suffix`."""

    stack: Stack
    suffix: EnvironmentSuffix

    def stop_one_task(self) -> FaultAction:
        return self._stop_tasks(selection_mode="COUNT(1)")

    def stop_tasks_of(self, zone: str) -> FaultAction:
        return self._stop_tasks(
            filters=[
                Template.ExperimentTemplateTargetFilterProperty(
                    path="AvailabilityZone", values=[zone]
                )
            ]
        )

    def fail_over(self) -> FaultAction:
        return self._fail_over(resource_arns=[database_arn(self.stack, self.suffix)])

    def fail_over_from(self, zone: str) -> FaultAction:
        """Only if the writer is in `zone`."""
        return self._fail_over(
            resource_tags=self.suffix.tags(), parameters={"writerAvailabilityZoneIdentifiers": zone}
        )

    def cut_zone(self, zone: str, *, minutes: int) -> FaultAction:
        """Cut all subnets of `zone` off.

        The scenario of AWS refuses new instances in the zone, and cuts the network for two minutes.
        It cannot refuse tasks of Fargate, which are no instances of the account: the subnets stay
        cut off, so that a task that is placed there cannot start.
        """
        return self._cut_off(
            minutes,
            resource_tags=self.suffix.tags(),
            parameters={"availabilityZoneIdentifier": zone},
        )

    def cut_database(self, *, minutes: int) -> FaultAction:
        """Cut the subnets of the database off, in both zones. Nothing else is in them.

        Aurora copies its storage on a network of its own: the writer stays the writer. The actions
        that close a port of a task need an agent in each task, which production would run, too.
        """
        return self._cut_off(minutes, resource_tags={**self.suffix.tags(), **ISOLATED_SUBNETS})

    def _stop_tasks(self, *, selection_mode: str = "ALL", **selection: Any) -> FaultAction:
        return FaultAction(
            action="aws:ecs:stop-task",
            target="Tasks",
            selection=Template.ExperimentTemplateTargetProperty(
                resource_type="aws:ecs:task",
                selection_mode=selection_mode,
                parameters={
                    "cluster": self.suffix.physical_name(CLUSTER),
                    "service": self.suffix.physical_name(SERVICE),
                },
                **selection,
            ),
        )

    def _fail_over(self, **selection: Any) -> FaultAction:
        return FaultAction(
            action="aws:rds:failover-db-cluster",
            target="Clusters",
            selection=Template.ExperimentTemplateTargetProperty(
                resource_type="aws:rds:cluster", selection_mode="ALL", **selection
            ),
        )

    def _cut_off(self, minutes: int, **selection: Any) -> FaultAction:
        return FaultAction(
            action="aws:network:disrupt-connectivity",
            target="Subnets",
            parameters={"duration": f"PT{minutes}M", "scope": "all"},
            selection=Template.ExperimentTemplateTargetProperty(
                resource_type="aws:ec2:subnet", selection_mode="ALL", **selection
            ),
        )
