"""Permissions of the teardown, and its denials that apply in every case."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam

from branch_hub.functions.shared.stacks import APPLICATION_STACK, STACKS
from branch_hub.infrastructure.hub import ANY_BRANCH, Hub
from infra.naming import APPLICATION

_OURS: Final = {"StringEquals": {"aws:ResourceTag/application": APPLICATION}}

_DELETES_STACKS: Final = ("cloudformation:DeleteStack",)
_STOPS_RUNS: Final = ("codepipeline:StopPipelineExecution",)
_EMPTIES_BUCKETS: Final = ("s3:DeleteBucketPolicy",)
_DELETES_OBJECTS: Final = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
)
_DELETES_LOGS: Final = ("logs:DeleteLogGroup",)
_DELETES_SNAPSHOTS: Final = ("rds:DeleteDBClusterSnapshot",)
_DELETES_REVISIONS: Final = ("ecs:DeleteTaskDefinitions",)

# Listing has no narrower resource: AWS lists all of a kind, or nothing. Others read a resource
# whose name AWS chose: a statement for each would exceed the length of a role's policy.
_LISTS: Final = (
    "acm:DescribeCertificate",
    "cloudformation:DescribeStacks",
    "cloudwatch:DescribeAlarms",
    "codebuild:BatchGetReportGroups",
    "codebuild:ListProjects",
    "codestar-notifications:DescribeNotificationRule",
    "dynamodb:ListTables",
    "ec2:DescribeAddresses",
    "ec2:DescribeFlowLogs",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
    "ecs:DescribeTaskDefinition",
    "ecs:ListClusters",
    "ecs:ListTaskDefinitions",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroups",
    "events:DescribeRule",
    "iam:ListRoles",
    "kms:ListAliases",
    "lambda:GetEventSourceMapping",
    "lambda:ListFunctions",
    "logs:DescribeLogGroups",
    "rds:DescribeDBClusterParameterGroups",
    "rds:DescribeDBClusterSnapshots",
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
    "rds:DescribeDBSubnetGroups",
    "s3:ListAllMyBuckets",
    "secretsmanager:ListSecrets",
    "sns:ListTopics",
    "sqs:ListQueues",
    "tag:GetResources",
)


# Of an environment and its pipeline, besides one for each folder of `lambda_src/`.
_MORE_FUNCTIONS: Final = ("pipeline-s3", APPLICATION_STACK)


def _functions() -> list[str]:
    """Prefixes of our functions' names. A foreign name may end like a branch's suffix."""
    folders = Path(__file__).parents[2].glob("lambda_src/*/entrypoint.py")
    names = {path.parent.name.replace("_", "-") for path in folders}
    own = {name for name in names if not name.startswith(f"{APPLICATION_STACK}-")}
    return sorted(own | {*_MORE_FUNCTIONS})


def teardown_permissions(stack: Stack, *, hub: Hub) -> list[iam.PolicyStatement]:
    """Never allows deleting those of the trunk, although they are named like a branch's."""
    return [*_may_change(stack, hub), *_may_look(stack), *_may_never(stack, hub.kept)]


def _may_change(stack: Stack, hub: Hub) -> Iterator[iam.PolicyStatement]:
    yield _allow(
        (*_DELETES_STACKS, "cloudformation:ListStackResources"),
        *_stacks(stack, ANY_BRANCH),
        when=_OURS,
    )
    yield _allow(_STOPS_RUNS, _pipeline(stack, ANY_BRANCH))
    bucket = _bucket(stack, ANY_BRANCH)
    yield _allow(_EMPTIES_BUCKETS, bucket)
    yield _allow(_DELETES_OBJECTS, f"{bucket}/*")
    yield _allow(_DELETES_LOGS, *_log_groups(stack, ANY_BRANCH))
    yield _allow(_DELETES_SNAPSHOTS, _snapshots(stack, ANY_BRANCH))
    yield _allow(_DELETES_REVISIONS, _revisions(stack, ANY_BRANCH))
    images = _arn(stack, "ecr", "repository", hub.limits.image_repository)
    yield _allow(("ecr:BatchDeleteImage",), images)
    # A network interface has no name of ours. AWS does not delete one that is in use.
    yield _allow(("ec2:DeleteNetworkInterface",), _arn(stack, "ec2", "network-interface", "*"))


def _may_look(stack: Stack) -> Iterator[iam.PolicyStatement]:
    # For every environment: an image that another one names or deploys must stay.
    yield _allow(("cloudformation:GetTemplate",), _arn(stack, "cloudformation", "stack", "*/*"))
    yield _allow(("codepipeline:ListPipelineExecutions",), _pipeline(stack, "*"))
    yield _allow(
        ("s3:ListBucketMultipartUploads", "s3:ListBucketVersions"), _bucket(stack, ANY_BRANCH)
    )
    # The tagging API still lists deleted resources, so the teardown asks the owning service.
    yield _allow(("kms:DescribeKey",), _arn(stack, "kms", "key", "*"), when=_OURS)
    yield _allow(
        ("secretsmanager:DescribeSecret",),
        _colon_arn(stack, "secretsmanager", "secret", f"{ANY_BRANCH}-??????"),
    )
    yield _allow(("dynamodb:DescribeTable",), _arn(stack, "dynamodb", "table", ANY_BRANCH))
    yield _allow(("ecs:DescribeClusters",), _arn(stack, "ecs", "cluster", ANY_BRANCH))
    yield _allow(("ecs:DescribeServices",), _arn(stack, "ecs", "service", f"{ANY_BRANCH}/*"))
    yield _allow(_LISTS, "*")


def _may_never(stack: Stack, kept: tuple[str, ...]) -> Iterator[iam.PolicyStatement]:
    """Denials for the kept suffixes, independent of everything allowed above or later."""
    out_of_reach = [
        f"arn:*:{place}"
        for suffix in kept
        for place in (
            f"cloudformation:*:*:stack/*-{suffix}/*",
            f"codepipeline:*:*:*-{suffix}",
            f"logs:*:*:log-group:*-{suffix}:*",
            f"logs:*:*:log-group:*-{suffix}/*",
            *(f"rds:*:*:cluster-snapshot:{name}" for name in _holding(suffix)),
            f"ecs:*:*:task-definition/*-{suffix}:*",
        )
    ]
    for suffix in kept:
        bucket = _bucket(stack, suffix)
        out_of_reach += [bucket, f"{bucket}/*"]
    yield iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=[
            *_DELETES_STACKS,
            *_STOPS_RUNS,
            *_EMPTIES_BUCKETS,
            *_DELETES_OBJECTS,
            *_DELETES_LOGS,
            *_DELETES_SNAPSHOTS,
            *_DELETES_REVISIONS,
        ],
        resources=out_of_reach,
    )


def _holding(suffix: str) -> tuple[str, ...]:
    """Names that hold `suffix` as a word. People name snapshots: `transaction-db-production-backup`
    ends like a branch's, while `qatar-migration` is not one of an environment `qa`."""
    return (suffix, f"{suffix}-*", f"*-{suffix}", f"*-{suffix}-*")


def _allow(
    actions: tuple[str, ...], *resources: str, when: dict[str, dict[str, str]] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=[*actions], resources=[*resources], conditions=when)


def _arn(stack: Stack, service: str, resource: str, name: str) -> str:
    return stack.format_arn(service=service, resource=resource, resource_name=name)


def _colon_arn(stack: Stack, service: str, resource: str, name: str) -> str:
    return stack.format_arn(
        service=service,
        resource=resource,
        resource_name=name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def _stacks(stack: Stack, suffix: str) -> Iterator[str]:
    return (_arn(stack, "cloudformation", "stack", f"{base}-{suffix}/*") for base in STACKS)


def _pipeline(stack: Stack, suffix: str) -> str:
    return stack.format_arn(service="codepipeline", resource=f"transaction-pipeline-{suffix}")


def _bucket(stack: Stack, suffix: str) -> str:
    return f"arn:{stack.partition}:s3:::transaction-*-{stack.account}-{suffix}"


def _log_groups(stack: Stack, suffix: str) -> Iterator[str]:
    for name in (
        *(f"/aws/lambda/{function}-{suffix}" for function in _functions()),
        f"/aws/codebuild/{APPLICATION_STACK}-{suffix}",
        # Of a database and of a cluster, the kind of log comes last.
        f"/aws/rds/cluster/transaction-db-{suffix}/*",
        f"/aws/ecs/containerinsights/transaction-cluster-{suffix}/*",
        f"/ecs/{APPLICATION_STACK}-{suffix}",
    ):
        yield _log_group(stack, name)


def _log_group(stack: Stack, name: str) -> str:
    return _colon_arn(stack, "logs", "log-group", f"{name}:*")


def _snapshots(stack: Stack, suffix: str) -> str:
    return _colon_arn(stack, "rds", "cluster-snapshot", suffix)


def _revisions(stack: Stack, suffix: str) -> str:
    return _arn(stack, "ecs", "task-definition", f"transaction-{suffix}:*")
