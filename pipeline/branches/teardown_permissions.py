"""All that may be done to unmake an environment, and what stays out of reach whatever is asked."""

from collections.abc import Iterator
from typing import Final

from aws_cdk import ArnFormat, DefaultStackSynthesizer, Stack
from aws_cdk import aws_iam as iam

from infra.naming import APPLICATION
from pipeline.branches.hub import ANY_BRANCH
from pipeline.promotion import RESERVED_SUFFIXES

# Deleting is for stacks and things that carry our tag and a branch's name.
_OURS: Final = {"StringEquals": {"aws:ResourceTag/application": APPLICATION}}
_STACKS: Final = ("transaction", "DeliveryPipeline")

_DELETES_STACKS: Final = ["cloudformation:DeleteStack"]
_STOPS_RUNS: Final = ["codepipeline:StopPipelineExecution"]
_EMPTIES_BUCKETS: Final = ["s3:DeleteBucketPolicy"]
_DELETES_OBJECTS: Final = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
_DELETES_LOGS: Final = ["logs:DeleteLogGroup"]
_DELETES_SNAPSHOTS: Final = ["rds:DeleteDBClusterSnapshot"]
_DELETES_IMAGES: Final = ["ecr:BatchDeleteImage"]


def teardown_permissions(stack: Stack) -> list[iam.PolicyStatement]:
    return [*_may_change(stack), *_may_look(stack), *_may_never(stack)]


def _may_change(stack: Stack) -> Iterator[iam.PolicyStatement]:
    yield _allow(
        _DELETES_STACKS, *(_stack(stack, f"{base}-{ANY_BRANCH}") for base in _STACKS), when=_OURS
    )
    yield _allow(_STOPS_RUNS, _pipeline(stack, ANY_BRANCH))
    bucket = _bucket(stack, ANY_BRANCH)
    yield _allow(_EMPTIES_BUCKETS, bucket)
    yield _allow(_DELETES_OBJECTS, f"{bucket}/*")
    yield _allow(_DELETES_LOGS, *_log_groups(stack, ANY_BRANCH))
    yield _allow(_DELETES_SNAPSHOTS, _snapshots(stack, ANY_BRANCH))
    yield _allow(_DELETES_IMAGES, _images(stack))


def _may_look(stack: Stack) -> Iterator[iam.PolicyStatement]:
    yield _allow(
        [
            "cloudformation:DescribeStackEvents",
            "cloudformation:ListStackResources",
        ],
        *(_stack(stack, f"{base}-{ANY_BRANCH}") for base in _STACKS),
    )
    # Of every environment: an image that one of them still names must stay.
    yield _allow(["cloudformation:GetTemplate"], _stack(stack, "transaction-*"))
    yield _allow(
        ["codepipeline:GetPipeline", "codepipeline:ListPipelineExecutions"],
        _pipeline(stack, ANY_BRANCH),
    )
    yield _allow(
        ["s3:GetBucketTagging", "s3:ListBucket", "s3:ListBucketVersions"],
        _bucket(stack, ANY_BRANCH),
    )
    yield _allow(["ecr:DescribeImages", "ecr:ListImages"], _images(stack))
    yield _allow(
        [
            "cloudformation:DescribeStacks",
            "cloudwatch:DescribeAlarms",
            "dynamodb:ListTables",
            "elasticloadbalancing:DescribeLoadBalancers",
            "iam:ListRoles",
            "kms:ListAliases",
            "logs:DescribeLogGroups",
            "rds:DescribeDBClusterSnapshots",
            "rds:DescribeDBClusters",
            "s3:ListAllMyBuckets",
            "secretsmanager:ListSecrets",
            "sqs:ListQueues",
            "tag:GetResources",
        ],
        "*",
    )


def _may_never(stack: Stack) -> Iterator[iam.PolicyStatement]:
    """Patterns are read by people in a hurry: what must not go is also named."""
    for suffix in RESERVED_SUFFIXES:
        any_of = f"*-{suffix}"
        bucket = _bucket(stack, any_of)
        yield _deny(_DELETES_STACKS, *(_stack(stack, f"{base}-{suffix}") for base in _STACKS))
        yield _deny(_STOPS_RUNS, _pipeline(stack, any_of))
        yield _deny([*_EMPTIES_BUCKETS, *_DELETES_OBJECTS], bucket, f"{bucket}/*")
        yield _deny(_DELETES_LOGS, *_log_groups(stack, any_of))
        yield _deny(_DELETES_SNAPSHOTS, _snapshots(stack, any_of))


def _allow(
    actions: list[str], *resources: str, when: dict[str, dict[str, str]] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=[*resources], conditions=when)


def _deny(actions: list[str], *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(effect=iam.Effect.DENY, actions=actions, resources=[*resources])


def _stack(stack: Stack, name: str) -> str:
    return stack.format_arn(
        service="cloudformation", resource="stack", resource_name=f"{name}/*"
    )


def _pipeline(stack: Stack, suffix: str) -> str:
    return stack.format_arn(service="codepipeline", resource=f"transaction-pipeline-{suffix}")


def _bucket(stack: Stack, suffix: str) -> str:
    return f"arn:{stack.partition}:s3:::transaction-*-{stack.account}-{suffix}"


def _log_groups(stack: Stack, suffix: str) -> Iterator[str]:
    for name in (
        f"/aws/lambda/{suffix}",
        f"/aws/codebuild/{suffix}",
        f"/aws/rds/cluster/transaction-db-{suffix}/*",
        f"/aws/ecs/containerinsights/transaction-cluster-{suffix}/*",
        f"/ecs/{suffix}",
    ):
        yield stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{name}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )


def _snapshots(stack: Stack, suffix: str) -> str:
    return stack.format_arn(
        service="rds",
        resource="cluster-snapshot",
        resource_name=suffix,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def _images(stack: Stack) -> str:
    name = f"cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-container-assets"
    return stack.format_arn(
        service="ecr", resource="repository", resource_name=f"{name}-{stack.account}-{stack.region}"
    )
