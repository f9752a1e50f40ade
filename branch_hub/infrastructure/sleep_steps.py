"""The function that stops and starts the parts of a branch's environment, and its limits."""

from collections.abc import Iterator
from typing import Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from branch_hub.functions.shared.stacks import APPLICATION_STACK
from branch_hub.functions.sleep_steps import names
from branch_hub.functions.sleep_steps.settings import BranchSleepStepsSettings
from branch_hub.infrastructure.hub import ANY_BRANCH, Hub, hub_source
from infra.python_function import PythonFunction

NAME: Final = "branch-sleep-steps"
TIMEOUT_SECONDS: Final = 60

# AWS has no narrower resource for these; they read only.
_LISTS: Final = (
    "application-autoscaling:DescribeScalableTargets",
    "cloudwatch:DescribeAlarms",
    "elasticloadbalancing:DescribeTargetHealth",
    "lambda:ListEventSourceMappings",
)


class SleepSteps(Construct):
    """One action per call. It can stop and start, and can delete nothing."""

    def __init__(self, scope: Construct, construct_id: str, *, hub: Hub) -> None:
        super().__init__(scope, construct_id)
        sleep_steps = PythonFunction(
            self,
            "SleepSteps",
            suffix=hub.suffix,
            name=NAME,
            description="Puts one environment to sleep or wakes it, step by step",
            source=hub_source("sleep_steps"),
            environment=BranchSleepStepsSettings(trunk=hub.trunk).to_env(),
            timeout_seconds=TIMEOUT_SECONDS,
            key=hub.key,
            memory_mib=512,
        )
        self.function = sleep_steps.function
        stack = Stack.of(self)
        for statement in (*_may(stack), *_may_never(hub.kept)):
            sleep_steps.role.add_to_policy(statement)


def _may(stack: Stack) -> Iterator[iam.PolicyStatement]:
    def arn(service: str, resource: str, name: str, separator: str = "/") -> str:
        return stack.format_arn(
            service=service,
            resource=resource,
            resource_name=name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME
            if separator == ":"
            else ArnFormat.SLASH_RESOURCE_NAME,
        )

    cluster = f"{names.ECS_CLUSTER}-{ANY_BRANCH}"
    yield _allow(
        ["cloudformation:ListStackResources"],
        arn("cloudformation", "stack", f"{APPLICATION_STACK}-{ANY_BRANCH}/*"),
    )
    yield _allow(
        [
            "cloudwatch:DisableAlarmActions",
            "cloudwatch:EnableAlarmActions",
            "cloudwatch:SetAlarmState",
        ],
        arn("cloudwatch", "alarm", f"*-{ANY_BRANCH}", ":"),
    )
    yield _allow(
        ["ecs:DescribeClusters", "ecs:TagResource", "ecs:UntagResource"],
        arn("ecs", "cluster", cluster),
    )
    yield _allow(
        ["ecs:DescribeServices", "ecs:UpdateService"],
        arn("ecs", "service", f"{cluster}/{names.SERVICE}-{ANY_BRANCH}"),
    )
    yield _allow(
        ["events:DisableRule", "events:EnableRule"],
        arn("events", "rule", f"{names.RULE}-{ANY_BRANCH}"),
    )
    yield _allow(
        ["rds:DescribeDBClusters", "rds:StartDBCluster", "rds:StopDBCluster"],
        arn("rds", "cluster", f"{names.DATABASE}-{ANY_BRANCH}", ":"),
    )
    # A mapping has a random name, and a condition for the function that it calls.
    yield iam.PolicyStatement(
        actions=["lambda:UpdateEventSourceMapping"],
        resources=[arn("lambda", "event-source-mapping", "*", ":")],
        conditions={
            "ArnLike": {
                "lambda:FunctionArn": arn(
                    "lambda", "function", f"{names.QUEUE_FUNCTION}-{ANY_BRANCH}", ":"
                )
            }
        },
    )
    # A scalable target has a random name and, from CloudFormation, no tags, and IAM has no key for
    # its service. So this reaches the targets of all ECS services here, the trunk's too: whoever
    # holds the role can suspend their scaling or change their range, and AWS then moves their tasks
    # into it. Only the function itself refuses them (functions/shared/guard.py).
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
    yield iam.PolicyStatement(
        actions=["application-autoscaling:RegisterScalableTarget"],
        resources=[arn("application-autoscaling", "scalable-target", "*")],
        conditions={
            "StringEquals": {
                "application-autoscaling:service-namespace": "ecs",
                "application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
            }
        },
    )
    yield _allow([*_LISTS], "*")


def _may_never(kept: tuple[str, ...]) -> Iterator[iam.PolicyStatement]:
    """The trunk's own suffix has the form of a branch's."""
    yield iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=["lambda:UpdateEventSourceMapping"],
        resources=["*"],
        conditions={
            "ArnLike": {
                "lambda:FunctionArn": [
                    f"arn:*:lambda:*:*:function:{names.QUEUE_FUNCTION}-{suffix}" for suffix in kept
                ]
            }
        },
    )
    yield iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=[
            "cloudwatch:DisableAlarmActions",
            "cloudwatch:SetAlarmState",
            "ecs:TagResource",
            "ecs:UpdateService",
            "events:DisableRule",
            "rds:StopDBCluster",
        ],
        resources=[
            place
            for suffix in kept
            for place in (
                f"arn:*:cloudwatch:*:*:alarm:*-{suffix}",
                f"arn:*:ecs:*:*:cluster/{names.ECS_CLUSTER}-{suffix}",
                f"arn:*:ecs:*:*:service/{names.ECS_CLUSTER}-{suffix}/*",
                f"arn:*:events:*:*:rule/{names.RULE}-{suffix}",
                f"arn:*:rds:*:*:cluster:{names.DATABASE}-{suffix}",
            )
        ],
    )


def _allow(actions: list[str], *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=[*resources])
