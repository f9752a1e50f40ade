"""The hub's KMS key, and the AWS services that may use it without a role of ours."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.naming import EnvironmentSuffix

KEY_ALIAS: Final = "branch-hub-key"


def hub_key(scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix) -> kms.Key:
    """Create the key of the table, secret, bus, dead letters, notices, executions and logs."""
    stack = Stack.of(scope)
    key = kms.Key(
        scope,
        construct_id,
        alias=f"alias/{suffix.physical_name(KEY_ALIAS)}",
        description=f"Everything at rest in the branch hub {suffix}",
        enable_key_rotation=True,
        # The shortest that KMS allows: only the key outlives the stack.
        pending_window=Duration.days(7),
        removal_policy=RemovalPolicy.DESTROY,
    )
    _let(
        key,
        "LogGroupsOfThisHub",
        f"logs.{stack.region}.amazonaws.com",
        ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"),
        {
            "ArnLike": {
                "kms:EncryptionContext:aws:logs:arn": stack.format_arn(
                    service="logs", resource=f"log-group:*-{suffix}*"
                )
            }
        },
    )
    uses = ("kms:Decrypt", "kms:GenerateDataKey")
    # Alarms publish to the encrypted topic.
    _let(
        key,
        "AlarmsOfThisAccount",
        "cloudwatch.amazonaws.com",
        uses,
        {"StringEquals": {"aws:SourceAccount": stack.account}},
    )
    # Rules send undelivered events to the encrypted queue. For topics, AWS does not support
    # aws:SourceAccount with EventBridge, and for queues it does not say so; SQS itself always names
    # the queue to KMS (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html).
    queues = stack.format_arn(service="sqs", resource=f"*-{suffix}")
    _let(
        key,
        "QueuesOfThisHub",
        "events.amazonaws.com",
        uses,
        {"ArnLike": {"kms:EncryptionContext:aws:sqs:arn": queues}},
    )
    return key


def _let(
    key: kms.Key,
    sid: str,
    service: str,
    actions: tuple[str, ...],
    conditions: dict[str, dict[str, str]],
) -> None:
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid=sid,
            principals=[iam.ServicePrincipal(service)],
            actions=[*actions],
            resources=["*"],  # in a key policy this is the key itself
            conditions=conditions,
        )
    )
