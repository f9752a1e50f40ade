"""What calls or watches the stopped parts of an environment: queue, schedule and alarms.

The alarms are evaluated while they are silent, and an alarm notifies only when its state changes
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html).
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from branch_hub.functions.shared.stacks import APPLICATION_STACK
from branch_hub.functions.sleep_steps.names import ECS_CLUSTER, QUEUE_FUNCTION, RULE
from branch_hub.functions.sleep_steps.progress import Progress
from branch_hub.moments import as_text
from lambda_src.shared.stack_tags import ASLEEP_TAG

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient

_ALARMS: Final = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
_AT_ONCE: Final = 100  # alarms in one call
_ON, _OFF = "Enabled", "Disabled"


class Surroundings:
    """Each method does what is possible now, and is called again until it is done.

    Needs `cloudformation:ListStackResources`; `cloudwatch:DescribeAlarms`,
    `DisableAlarmActions`, `EnableAlarmActions` and `SetAlarmState`; `ecs:DescribeClusters`,
    `TagResource` and `UntagResource`; `events:DisableRule` and `EnableRule`;
    `lambda:ListEventSourceMappings` and `UpdateEventSourceMapping`.
    """

    def __init__(
        self,
        *,
        cloudformation: "CloudFormationClient",
        cloudwatch: "CloudWatchClient",
        ecs: "ECSClient",
        events: "EventBridgeClient",
        lambda_: "LambdaClient",
    ) -> None:
        self._cloudformation = cloudformation
        self._cloudwatch = cloudwatch
        self._ecs = ecs
        self._events = events
        self._lambda = lambda_

    def silence(self, suffix: str, *, now: datetime) -> Progress:
        """The tag first: from then on the environment's own pipeline waits until it is woken.

        Done if the queue calls no function any more; its messages wait.
        """
        arn, since = self._tag(suffix)
        if since is None:
            self._ecs.tag_resource(
                resourceArn=arn, tags=[{"key": ASLEEP_TAG, "value": as_text(now)}]
            )
        for names in self._alarms(suffix):
            self._cloudwatch.disable_alarm_actions(AlarmNames=names)
        self._events.disable_rule(Name=f"{RULE}-{suffix}")
        return self._switch_queues(suffix, _OFF)

    def allow_deployments(self, suffix: str) -> Progress:
        """Remove the tag: the environment's own pipeline goes on.

        Before the tasks are healthy: a version whose tasks cannot become healthy is repaired by
        the deployment of another.
        """
        arn, since = self._tag(suffix)
        if since is not None:
            self._ecs.untag_resource(resourceArn=arn, tagKeys=[ASLEEP_TAG])
        return Progress(done=True, message="its pipeline may deploy")

    def resume(self, suffix: str) -> Progress:
        """Done if the queue calls its function again."""
        self._events.enable_rule(Name=f"{RULE}-{suffix}")
        return self._switch_queues(suffix, _ON)

    def await_alarms(self, suffix: str) -> Progress:
        """Done if no silent alarm is in the state ALARM: what the sleep caused has passed."""
        left = [name for names in self._alarms(suffix) for name in self._raised(names)]
        return Progress(
            done=not left, message=f"alarms: {', '.join(sorted(left)) or 'none is raised'}"
        )

    def enable_alarms(self, suffix: str) -> Progress:
        """An alarm that is raised is reset first: if its condition still holds, it notifies.

        A composite alarm follows those that it combines.
        """
        for names in self._alarms(suffix):
            for name in self._raised(names):
                self._cloudwatch.set_alarm_state(
                    AlarmName=name,
                    StateValue="INSUFFICIENT_DATA",
                    StateReason="Its environment was woken; it is evaluated again",
                )
            self._cloudwatch.enable_alarm_actions(AlarmNames=names)
        return Progress(done=True, message="its alarms are on")

    def _raised(self, names: list[str]) -> list[str]:
        """Those of these alarms of metrics that are silent, and in the state ALARM."""
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNames=names, StateValue="ALARM", AlarmTypes=["MetricAlarm"]
        )
        return [
            alarm["AlarmName"]
            for page in pages
            for alarm in page["MetricAlarms"]
            if not alarm["ActionsEnabled"]
        ]

    def _switch_queues(self, suffix: str, wanted: str) -> Progress:
        mappings = self._lambda.list_event_source_mappings(
            FunctionName=f"{QUEUE_FUNCTION}-{suffix}"
        )["EventSourceMappings"]
        states = [mapping["State"] for mapping in mappings]
        for mapping in mappings:
            # In any other state it changes: Lambda refuses a second change then.
            if mapping["State"] in (_ON, _OFF) and mapping["State"] != wanted:
                self._lambda.update_event_source_mapping(
                    UUID=mapping["UUID"], Enabled=wanted == _ON
                )
        return Progress(
            done=all(state == wanted for state in states),
            message=f"its queue is {', '.join(states) or 'not connected'}",
        )

    def _tag(self, suffix: str) -> tuple[str, str | None]:
        (cluster,) = self._ecs.describe_clusters(
            clusters=[f"{ECS_CLUSTER}-{suffix}"], include=["TAGS"]
        )["clusters"]
        tags: dict[str, Any] = {tag["key"]: tag["value"] for tag in cluster.get("tags", [])}
        return cluster["clusterArn"], tags.get(ASLEEP_TAG)

    def _alarms(self, suffix: str) -> list[list[str]]:
        """The names of all alarms of the environment's stack, in groups for one call each."""
        pages = self._cloudformation.get_paginator("list_stack_resources")
        names = [
            resource["PhysicalResourceId"]
            for page in pages.paginate(StackName=f"{APPLICATION_STACK}-{suffix}")
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] in _ALARMS and "PhysicalResourceId" in resource
        ]
        return [names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE)]
