"""AWS::ApplicationAutoScaling::ScalableTarget: moves a service into the target's range.

AWS does the same when a target is registered or changed. There are no load metrics here, so nothing
scales within the range.
"""

from local_cloud.aws import AwsClients
from local_cloud.emulator.ministack_adapter import Attributes, Follower, Properties

_TASKS = ("ecs", "ecs:service:DesiredCount")


def scalable_target_followers(aws: AwsClients) -> dict[str, Follower]:
    """The follower of scalable targets, by type."""

    def created(_: str, properties: Properties, __: Attributes) -> None:
        _move_into_range(aws, properties)

    def updated(_: str, __: Properties, new: Properties, ___: Attributes) -> None:
        _move_into_range(aws, new)

    return {
        "AWS::ApplicationAutoScaling::ScalableTarget": Follower(created=created, updated=updated)
    }


def _move_into_range(aws: AwsClients, target: Properties) -> None:
    if (target["ServiceNamespace"], target["ScalableDimension"]) != _TASKS:
        return
    _, cluster, name = target["ResourceId"].split("/")
    (service,) = aws.ecs.describe_services(cluster=cluster, services=[name])["services"]
    now = service["desiredCount"]
    wanted = min(max(now, int(target["MinCapacity"])), int(target["MaxCapacity"]))
    if wanted != now:
        aws.ecs.update_service(cluster=cluster, service=name, desiredCount=wanted)
