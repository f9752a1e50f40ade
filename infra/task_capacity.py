"""What the tasks of the service run on: the processor's architecture, and Fargate Spot.

* ARM64 on Fargate Spot:
  https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
* Interruptions:
  https://repost.aws/knowledge-center/fargate-spot-termination-notice
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs


class CpuArchitecture(StrEnum):
    X86_64 = "X86_64"
    ARM64 = "ARM64"  # Graviton


ON_DEMAND, SPOT = "FARGATE", "FARGATE_SPOT"
# Spot can be taken back in all zones at once: this number of tasks is on demand.
ON_DEMAND_TASKS: Final = 1

_IMAGE_PLATFORMS: Final = {
    CpuArchitecture.X86_64: ecr_assets.Platform.LINUX_AMD64,
    CpuArchitecture.ARM64: ecr_assets.Platform.LINUX_ARM64,
}
_TASK_ARCHITECTURES: Final = {
    CpuArchitecture.X86_64: ecs.CpuArchitecture.X86_64,
    CpuArchitecture.ARM64: ecs.CpuArchitecture.ARM64,
}


@dataclass(frozen=True, kw_only=True)
class TaskCapacity:
    cpu_architecture: CpuArchitecture = CpuArchitecture.X86_64
    fargate_spot: bool = False  # all tasks but ON_DEMAND_TASKS

    @property
    def image_platform(self) -> ecr_assets.Platform:
        return _IMAGE_PLATFORMS[self.cpu_architecture]

    @property
    def runtime_platform(self) -> ecs.RuntimePlatform:
        return ecs.RuntimePlatform(
            cpu_architecture=_TASK_ARCHITECTURES[self.cpu_architecture],
            operating_system_family=ecs.OperatingSystemFamily.LINUX,
        )

    @property
    def strategies(self) -> list[ecs.CapacityProviderStrategy] | None:
        """How a service divides its tasks; None: all of them on demand, by the launch type."""
        if not self.fargate_spot:
            return None
        return [
            ecs.CapacityProviderStrategy(
                capacity_provider=ON_DEMAND, base=ON_DEMAND_TASKS, weight=0
            ),
            ecs.CapacityProviderStrategy(capacity_provider=SPOT, weight=1),
        ]

    def offer_on(self, cluster: ecs.Cluster) -> ecs.CfnClusterCapacityProviderAssociations | None:
        """Let services of `cluster` use Spot. They must start after what is returned."""
        if not self.fargate_spot:
            return None
        return ecs.CfnClusterCapacityProviderAssociations(
            cluster,
            "CapacityProviders",
            cluster=cluster.cluster_name,
            capacity_providers=[ON_DEMAND, SPOT],
            # Of a task that names none: tasks that somebody starts by hand are not interrupted.
            default_capacity_provider_strategy=[
                ecs.CfnClusterCapacityProviderAssociations.CapacityProviderStrategyProperty(
                    capacity_provider=ON_DEMAND, weight=1
                )
            ],
        )
