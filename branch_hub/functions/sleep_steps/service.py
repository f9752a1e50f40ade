"""Stops all tasks of an environment's service, and starts them again."""

from typing import TYPE_CHECKING, Any, Final

from branch_hub.functions.sleep_steps.names import ECS_CLUSTER, SERVICE
from branch_hub.functions.sleep_steps.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_application_autoscaling.type_defs import ScalableTargetTypeDef
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

_ACTIVITIES: Final = (
    "DynamicScalingInSuspended",
    "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
)


class ServiceMissing(Exception):
    """The environment has no service, or its service no range of tasks."""


class Service:
    """Each method does what is possible now, and is called again until it is done.

    Scaling is suspended first: otherwise it would move the service back to its minimum
    (https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-suspend-resume-scaling.html).
    The minimum itself stays: it says how many tasks to start again. AWS moves the tasks into the
    range when a target is registered, so nothing is registered once it is suspended.

    Needs `ecs:DescribeServices` and `UpdateService`; `application-autoscaling:
    DescribeScalableTargets` and `RegisterScalableTarget`; `elasticloadbalancing:
    DescribeTargetHealth`.
    """

    def __init__(
        self,
        *,
        ecs: "ECSClient",
        scaling: "ApplicationAutoScalingClient",
        elbv2: "ElasticLoadBalancingv2Client",
    ) -> None:
        self._ecs = ecs
        self._scaling = scaling
        self._elbv2 = elbv2

    def stop(self, suffix: str) -> Progress:
        """Done if no task runs or is a target of the load balancer. Raises ServiceMissing."""
        service = self._service(suffix)
        self._suspend_scaling(suffix, self._target(suffix), suspended=True)
        if service["desiredCount"] != 0:
            self._set_tasks(suffix, 0)
            return Progress(done=False, message="the tasks stop")
        left = max(service["runningCount"], len(self._targets(service)))
        return Progress(done=left == 0, message=f"{left} tasks still stop")

    def start(self, suffix: str) -> Progress:
        """Done if AWS was told to run the tasks and to scale them. They may not run yet.

        Raises ServiceMissing.
        """
        service, target = self._service(suffix), self._target(suffix)
        minimum = target["MinCapacity"]
        if service["desiredCount"] < minimum:
            self._set_tasks(suffix, minimum)
            return Progress(done=False, message=f"{minimum} tasks start")
        self._suspend_scaling(suffix, target, suspended=False)
        return Progress(done=True, message=f"{service['desiredCount']} tasks are to run")

    def await_tasks(self, suffix: str) -> Progress:
        """Done if all tasks are healthy targets of the load balancer. Raises ServiceMissing."""
        service, minimum = self._service(suffix), self._target(suffix)["MinCapacity"]
        healthy = self._targets(service).count("healthy")
        return Progress(
            done=min(service["runningCount"], healthy) >= minimum,
            message=f"{healthy} of {minimum} tasks are healthy",
        )

    def _service(self, suffix: str) -> Any:
        found = self._ecs.describe_services(
            cluster=f"{ECS_CLUSTER}-{suffix}", services=[f"{SERVICE}-{suffix}"]
        )["services"]
        if not found or found[0]["status"] != "ACTIVE":
            raise ServiceMissing(f"there is no active service {SERVICE}-{suffix}")
        return found[0]

    def _target(self, suffix: str) -> "ScalableTargetTypeDef":
        found = self._scaling.describe_scalable_targets(
            ServiceNamespace="ecs",
            ResourceIds=[_resource(suffix)],
            ScalableDimension="ecs:service:DesiredCount",
        )["ScalableTargets"]
        if not found:
            raise ServiceMissing(f"{SERVICE}-{suffix} has no range of tasks (scalable target)")
        return found[0]

    def _suspend_scaling(
        self, suffix: str, target: "ScalableTargetTypeDef", *, suspended: bool
    ) -> None:
        now = target.get("SuspendedState", {})
        if all(now.get(activity, False) is suspended for activity in _ACTIVITIES):
            return
        self._scaling.register_scalable_target(
            ServiceNamespace="ecs",
            ResourceId=_resource(suffix),
            ScalableDimension="ecs:service:DesiredCount",
            SuspendedState={
                "DynamicScalingInSuspended": suspended,
                "DynamicScalingOutSuspended": suspended,
                "ScheduledScalingSuspended": suspended,
            },
        )

    def _set_tasks(self, suffix: str, count: int) -> None:
        self._ecs.update_service(
            cluster=f"{ECS_CLUSTER}-{suffix}", service=f"{SERVICE}-{suffix}", desiredCount=count
        )

    def _targets(self, service: Any) -> list[str]:
        """The health of each target, also of those that still serve their last requests."""
        return [
            target["TargetHealth"]["State"]
            for group in service["loadBalancers"]
            for target in self._elbv2.describe_target_health(
                TargetGroupArn=group["targetGroupArn"]
            )["TargetHealthDescriptions"]
        ]


def _resource(suffix: str) -> str:
    return f"service/{ECS_CLUSTER}-{suffix}/{SERVICE}-{suffix}"
