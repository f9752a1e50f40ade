"""The role with which FIS carries out the drills of one environment, and the log of them.

The policies that AWS has for this are written for every resource of an account. These statements
have the same actions, for this environment alone. Facts come from these pages:

* https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html
* https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSFaultInjectionSimulatorNetworkAccess.html
* https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSFaultInjectionSimulatorRDSAccess.html
* https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
"""

from collections.abc import Iterator
from typing import Final

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.fault_actions import database_arn
from infra.naming import EnvironmentSuffix
from infra.service import CLUSTER
from lambda_src.shared.stack_tags import ENVIRONMENT_TAG

# FIS tags the network ACLs that it creates, and deletes them at the end.
TAG_OF_FIS: Final = "managedByFIS"


def experiment_logs(
    scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix, key: kms.IKey
) -> logs.CfnLogGroup:
    """A log group with a policy of its own, by which the log service lets FIS write.

    Without it that service would add to a policy of the account, of which a region has ten.
    """
    stack = Stack.of(scope)
    group = logs.CfnLogGroup(
        scope,
        construct_id,
        log_group_name=f"/aws/fis/{suffix.physical_name('transaction-faults')}",
        retention_in_days=7,
        kms_key_id=key.key_arn,
        resource_policy_document={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "delivery.logs.amazonaws.com"},
                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                    "Resource": stack.format_arn(
                        service="logs",
                        resource=f"log-group:/aws/fis/{suffix.physical_name('transaction-faults')}:*",
                    ),
                    "Condition": {"StringEquals": {"aws:SourceAccount": stack.account}},
                }
            ],
        },
    )
    group.apply_removal_policy(RemovalPolicy.DESTROY)
    return group


def experiment_role(scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix) -> iam.Role:
    stack = Stack.of(scope)
    role = iam.Role(
        scope,
        construct_id,
        role_name=suffix.physical_name("transaction-faults-role"),
        description=f"FIS carries out drills in environment {suffix} with it",
        assumed_by=iam.ServicePrincipal(
            "fis.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                "ArnLike": {
                    "aws:SourceArn": stack.format_arn(
                        service="fis", resource="experiment", resource_name="*"
                    )
                },
            },
        ),
    )
    for statement in (
        *_stops_tasks(stack, suffix),
        *_fails_over(stack, suffix),
        *_cuts_off(stack, suffix),
        *_finds_and_logs(),
    ):
        role.add_to_policy(statement)
    return role


def _stops_tasks(stack: Stack, suffix: EnvironmentSuffix) -> Iterator[iam.PolicyStatement]:
    cluster = suffix.physical_name(CLUSTER)
    tasks = stack.format_arn(service="ecs", resource="task", resource_name=f"{cluster}/*")
    yield iam.PolicyStatement(actions=["ecs:DescribeTasks", "ecs:StopTask"], resources=[tasks])
    yield iam.PolicyStatement(
        actions=["ecs:ListTasks"],
        resources=["*"],
        conditions={
            "ArnEquals": {
                "ecs:cluster": stack.format_arn(
                    service="ecs", resource="cluster", resource_name=cluster
                )
            }
        },
    )


def _fails_over(stack: Stack, suffix: EnvironmentSuffix) -> Iterator[iam.PolicyStatement]:
    yield iam.PolicyStatement(
        actions=["rds:FailoverDBCluster"], resources=[database_arn(stack, suffix)]
    )
    # As in AWSFaultInjectionSimulatorRDSAccess: a request with filters names no cluster.
    yield iam.PolicyStatement(actions=["rds:DescribeDBClusters"], resources=["*"])


def _cuts_off(stack: Stack, suffix: EnvironmentSuffix) -> Iterator[iam.PolicyStatement]:
    """FIS gives the subnets an ACL that denies everything, and later the old one back."""
    acls, vpcs, subnets = (
        stack.format_arn(service="ec2", resource=kind, resource_name="*")
        for kind in ("network-acl", "vpc", "subnet")
    )
    ours = {f"aws:ResourceTag/{ENVIRONMENT_TAG}": str(suffix)}
    created = {f"aws:RequestTag/{TAG_OF_FIS}": "true"}
    yield _if(["ec2:CreateNetworkAcl"], acls, created)
    yield _if(["ec2:CreateNetworkAcl"], vpcs, ours)
    yield _if(["ec2:CreateTags"], acls, {"ec2:CreateAction": "CreateNetworkAcl", **created})
    yield _if(
        ["ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAcl"],
        acls,
        {f"aws:ResourceTag/{TAG_OF_FIS}": "true"},
    )
    # Both must be allowed. The old ACL is the VPC's default one, which has no tags.
    yield _if(["ec2:ReplaceNetworkAclAssociation"], subnets, ours)
    yield iam.PolicyStatement(actions=["ec2:ReplaceNetworkAclAssociation"], resources=[acls])
    yield iam.PolicyStatement(
        actions=[
            "ec2:DescribeManagedPrefixLists",
            "ec2:DescribeNetworkAcls",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ],
        resources=["*"],
    )


def _finds_and_logs() -> Iterator[iam.PolicyStatement]:
    """AWS knows no narrower resource for these: FIS finds targets by their tags, and sets the
    delivery of logs up."""
    yield iam.PolicyStatement(
        actions=[
            "logs:CreateLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "tag:GetResources",
        ],
        resources=["*"],
    )


def _if(actions: list[str], resource: str, when: dict[str, str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=actions, resources=[resource], conditions={"StringEquals": when}
    )
