"""S64: every policy of every role of the hub and of the pipelines."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.branch_hub.infrastructure.conftest import CODECOMMIT_HUB, GITHUB_HUB
from tests.delivered import CONNECTION, Delivered
from tests.infra.templates import Synthesized, as_list, text
from tests.infra.test_permissions import role_statements

H = CODECOMMIT_HUB
_LISTED = "AWS has no narrower resource for listing all of a kind"
# The only resources of the hub that may be a wildcard whole, each with what AWS says about it.
HUB_WHOLE = {
    **{
        f"logs:{action}": "log delivery of Step Functions has no resource types"
        for action in (
            "CreateLogDelivery",
            "DeleteLogDelivery",
            "DescribeLogGroups",
            "DescribeResourcePolicies",
            "GetLogDelivery",
            "ListLogDeliveries",
            "PutResourcePolicy",
            "UpdateLogDelivery",
        )
    },
    **{
        f"xray:{action}": "X-Ray takes segments without a resource"
        for action in (
            "GetSamplingRules",
            "GetSamplingTargets",
            "PutTelemetryRecords",
            "PutTraceSegments",
        )
    },
    **dict.fromkeys(
        (
            "cloudformation:DescribeStacks",
            "cloudwatch:DescribeAlarms",
            "codebuild:ListProjects",
            "dynamodb:ListTables",
            "ec2:DescribeNatGateways",
            "ec2:DescribeNetworkInterfaces",
            "ecs:DescribeTaskDefinition",
            "ecs:ListClusters",
            "ecs:ListTaskDefinitions",
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeTargetGroups",
            "iam:ListRoles",
            "kms:ListAliases",
            "lambda:ListFunctions",
            "rds:DescribeDBClusterSnapshots",
            "rds:DescribeDBClusters",
            "s3:ListAllMyBuckets",
            "secretsmanager:ListSecrets",
            "sns:ListTopics",
            "sqs:ListQueues",
            "tag:GetResources",
        ),
        _LISTED,
    ),
}
# And those that hold a wildcard within, by how they end.
HUB_PARTS = {
    ("lambda:InvokeFunction", ':*"'): "the versions of one function of ours are resources too",
    ("states:DescribeExecution", f"-{H}:*"): "an execution has a name of its own",
    ("cloudformation:DescribeStacks", "-*-??????/*"): "a stack has an id, a branch any name",
    ("cloudformation:ListStackResources", "-*-??????/*"): "the same",
    ("cloudformation:DeleteStack", "-*-??????/*"): "the same, and held to our tag",
    ("cloudformation:GetTemplate", ":stack/*/*"): "an image that any stack names must stay",
    ("codepipeline:ListPipelineExecutions", ":transaction-pipeline-*"): "any branch's pipeline",
    ("codepipeline:StopPipelineExecution", "-*-??????"): "any branch's pipeline",
    ("codepipeline:ListActionExecutions", ":transaction-pipeline-*"): "any of our pipelines",
    ("codepipeline:RetryStageExecution", ":transaction-pipeline-*/*"): "a stage of any of them",
    **{
        (f"s3:{action}", end): "any bucket of any branch's environment"
        for action, end in (
            ("DeleteBucketPolicy", "-*-??????"),
            ("ListBucketMultipartUploads", "-*-??????"),
            ("ListBucketVersions", "-*-??????"),
            ("AbortMultipartUpload", "-*-??????/*"),
            ("DeleteObject", "-*-??????/*"),
            ("DeleteObjectVersion", "-*-??????/*"),
        )
    },
    ("logs:DeleteLogGroup", ":*"): "a log group's ARN ends like this",
    ("rds:DeleteDBClusterSnapshot", ":cluster-snapshot:*-??????"): "named by a person",
    ("ecs:DeleteTaskDefinitions", "/transaction-*-??????:*"): "a revision has a number",
    ("dynamodb:DescribeTable", ":table/*-??????"): "any branch's table",
    ("ecs:DescribeClusters", ":cluster/*-??????"): "any branch's cluster",
    ("ecs:DescribeServices", ":service/*-??????/*"): "any branch's service",
    ("ec2:DeleteNetworkInterface", ":network-interface/*"): "has no name; in use it stays",
    ("kms:DescribeKey", ":key/*"): "a key has no name: held to our tag",
    ("secretsmanager:DescribeSecret", ":secret:*-??????-??????"): "AWS adds six characters",
}


def wildcards(stack: Synthesized) -> Iterator[tuple[str, str]]:
    """(action, resource as text) of all that is allowed on a wildcard."""
    for _, statement in role_statements(stack):
        if statement["Effect"] == "Allow":
            for action in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    if "*" in text(resource) or "?" in text(resource):
                        yield action, text(resource)


def explained(action: str, resource: str) -> bool:
    if resource == '"*"':
        return action in HUB_WHOLE
    return any(
        action == known and resource.rstrip('"]} ').endswith(end.rstrip('"'))
        for known, end in HUB_PARTS
    )


def test_s64_the_hub_is_allowed_no_wildcard_without_a_reason(hub: Synthesized) -> None:
    assert [w for w in wildcards(hub) if not explained(*w)] == []


def test_s64_every_exception_of_the_hub_is_still_needed(hub: Synthesized) -> None:
    found = set(wildcards(hub))

    assert {action for action, resource in found if resource == '"*"'} == set(HUB_WHOLE)
    assert {a for a, r in found if r != '"*"'} == {action for action, _ in HUB_PARTS}


def test_s64_no_role_is_allowed_a_family_of_actions(every_hub: Synthesized) -> None:
    families = [
        (role, action)
        for role, statement in role_statements(every_hub)
        for action in as_list(statement["Action"])
        if "*" in action
    ]

    assert families == []
    assert every_hub.all("AWS::IAM::ManagedPolicy") == {}  # all is said where the walks look
    assert [r for r in every_hub.properties("AWS::IAM::Role") if "ManagedPolicyArns" in r] == []


def test_s64_every_role_of_the_hub_is_taken_by_one_service(every_hub: Synthesized) -> None:
    for role in every_hub.properties("AWS::IAM::Role"):
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRole"
        assert text(statement["Principal"]["Service"]).endswith('.amazonaws.com"')


def actions_on(stack: Synthesized, role: str) -> set[str]:
    """What a role may do, but for its logs, and for keys: see KEY_USES."""
    own = ("logs:", "kms:", "xray:")
    return {a for a in stack.actions_of(role) if not a.startswith(own)}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (
            "branch-intake-role",
            {
                "secretsmanager:GetSecretValue",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                "events:PutEvents",
            },
        ),
        (
            "branch-lifecycle-role",
            {
                "secretsmanager:GetSecretValue",
                "codecommit:GetBranch",
                "codecommit:GetCommit",
                "codecommit:ListBranches",
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:Scan",
                "dynamodb:UpdateItem",
                "cloudformation:DescribeStacks",
                "states:DescribeExecution",
            },
        ),
        (
            "branch-reconciler-role",
            {
                "secretsmanager:GetSecretValue",
                "codecommit:GetBranch",
                "codecommit:GetCommit",
                "codecommit:ListBranches",
                "dynamodb:GetItem",
                "dynamodb:Scan",
                "dynamodb:UpdateItem",
                "cloudformation:DescribeStacks",
                "states:DescribeExecution",
                "events:PutEvents",
                "sns:Publish",
            },
        ),
        (
            "pipeline-retry-role",
            {
                "dynamodb:PutItem",
                "codepipeline:ListActionExecutions",
                "codepipeline:RetryStageExecution",
            },
        ),
        (
            "branch-create-machine-role",
            {
                "lambda:InvokeFunction",
                "sns:Publish",
                "codebuild:StartBuild",
                "codebuild:StopBuild",
                "codebuild:BatchGetBuilds",
                "events:PutRule",
                "events:PutTargets",
                "events:DescribeRule",
            },
        ),
        ("branch-destroy-machine-role", {"lambda:InvokeFunction", "sns:Publish"}),
        ("branch-pushed-role", {"states:StartExecution"}),
        ("branch-gone-role", {"states:StartExecution"}),
        ("branch-pipelines-role", {"codecommit:GitPull", "sts:AssumeRole"}),
    ],
)
def test_s64_a_role_may_do_what_its_code_does_and_nothing_else(
    hub: Synthesized, role: str, allowed: set[str]
) -> None:
    assert actions_on(hub, f"{role}-{H}") == allowed


_VARIABLES = ("kms:Decrypt", "itself")
_SECRET = ("kms:Decrypt", "secretsmanager")
_TABLE = {(f"kms:{action}", "dynamodb") for action in ("Decrypt", "DescribeKey")}
_TELLS = {(f"kms:{action}", "sns") for action in ("Decrypt", "GenerateDataKey")}
_RUNS = {
    ("kms:Decrypt", "its own runs"),
    ("kms:GenerateDataKey", "its own runs"),
    ("kms:GenerateDataKey", "log delivery"),
}
# By role: what it may do with the hub's key, and on whose behalf.
KEY_USES = {
    "branch-create-machine-role": {*_RUNS, *_TELLS},
    "branch-destroy-machine-role": {*_RUNS, *_TELLS},
    "branch-intake-role": {_VARIABLES, _SECRET, *_TABLE},
    "branch-lifecycle-role": {_VARIABLES, _SECRET, *_TABLE},
    "branch-reconciler-role": {_VARIABLES, _SECRET, *_TABLE, *_TELLS},
    "branch-teardown-role": {_VARIABLES},
    "pipeline-retry-role": {_VARIABLES, *_TABLE},
}


def key_uses(stack: Synthesized, role: str) -> set[tuple[str, str]]:
    """What a role may do with the key of the stack, and through what."""
    (key,) = stack.all("AWS::KMS::Key")
    return {
        (action, _on_behalf(statement.get("Condition")))
        for statement in stack.statements_of(role)
        if {"Fn::GetAtt": [key, "Arn"]} in as_list(statement["Resource"])
        for action in as_list(statement["Action"])
    }


def _on_behalf(condition: dict[str, dict[str, str]] | None) -> str:
    if condition is None:
        return "itself"
    ((name, value),) = condition["StringEquals"].items()
    if name == "kms:ViaService":
        return text(value).strip('"').split(".")[0]
    return {
        "kms:EncryptionContext:aws:states:stateMachineArn": "its own runs",
        "kms:EncryptionContext:SourceArn": "log delivery",
    }[name]


def test_s64_a_role_uses_the_hubs_key_for_what_its_code_does_and_nothing_else(
    hub: Synthesized,
) -> None:
    roles = [str(role["RoleName"]) for role in hub.properties("AWS::IAM::Role")]
    found = {role.removesuffix(f"-{H}"): key_uses(hub, role) for role in roles}

    assert {role: uses for role, uses in found.items() if uses} == KEY_USES


def test_b3_a_role_that_publishes_notices_may_use_the_key_of_the_topic(
    every_hub: Synthesized,
) -> None:
    """SNS takes nothing for an encrypted topic from a role that may not use the key."""
    topic, properties = every_hub.only("AWS::SNS::Topic")
    tellers = [
        str(role["RoleName"])
        for role in every_hub.properties("AWS::IAM::Role")
        if any(
            s["Action"] == "sns:Publish" and s["Resource"] == {"Ref": topic}
            for s in every_hub.statements_of(role["RoleName"])
        )
    ]
    (key,) = every_hub.all("AWS::KMS::Key")

    assert properties["KmsMasterKeyId"] == {"Fn::GetAtt": [key, "Arn"]}
    assert len(tellers) >= 3  # both machines and the reconciler
    for role in tellers:
        assert key_uses(every_hub, role) >= _TELLS, role


def test_s64_no_role_both_decides_and_deletes(hub: Synthesized) -> None:
    """Only the teardown deletes, and it is asked by the machine that was told to."""
    for role in hub.properties("AWS::IAM::Role"):
        if role["RoleName"] != f"branch-teardown-role-{H}":
            assert "cloudformation:DeleteStack" not in hub.actions_of(role["RoleName"])


def test_s64_a_pipeline_is_deployed_with_the_bootstraps_roles_alone(
    hub: Synthesized, github_hub: Synthesized
) -> None:
    (assumed,) = (
        s["Resource"]
        for s in hub.statements_of(f"branch-pipelines-role-{H}")
        if s["Action"] == "sts:AssumeRole"
    )
    cloned: Any = {
        (action, s["Resource"])
        for s in github_hub.statements_of(f"branch-pipelines-role-{GITHUB_HUB}")
        for action in as_list(s["Action"])
        if "connections:" in action
    }

    assert assumed == [
        f"arn:aws:iam::000000000000:role/cdk-hnb659fds-{role}-role-000000000000-us-east-1"
        for role in ("deploy", "file-publishing", "lookup")
    ]
    assert cloned == {
        (f"{service}:{action}", CONNECTION)
        for service in ("codeconnections", "codestar-connections")
        for action in ("GetConnection", "GetConnectionToken", "UseConnection")
    }


# What CDK Pipelines writes for itself; none of it can be said narrower from outside.
_READS = "CDK: all ways of reading, of the pipeline's own artifacts"
PIPELINE_FAMILIES = {
    "s3:Abort*": "CDK: what writing an artifact takes, in the pipeline's own bucket",
    "s3:DeleteObject*": "the same",
    "s3:GetBucket*": _READS,
    "s3:GetObject*": _READS,
    "s3:List*": _READS,
    "kms:GenerateDataKey*": "CDK: with or without the plain text, of the pipeline's own key",
    "kms:ReEncrypt*": "the same",
}
PIPELINE_WHOLE = {
    "rds:DescribeOrderableDBInstanceOptions": "no resource type: what AWS offers to everyone",
    "cloudformation:DescribeStacks": "CDK: self-mutation looks for the bootstrap's stack",
    "s3:ListBucket": "CDK: self-mutation looks into the bootstrap's bucket",
    "codebuild:BatchGetBuilds": "CDK: the role of asset builds, for actions that have none",
    "codebuild:StartBuild": "the same",
    "codebuild:StopBuild": "the same",
}


def test_s64_a_pipeline_has_no_wildcards_but_those_that_cdk_writes(
    delivered: Delivered, trunk: Delivered, across_accounts: Delivered
) -> None:
    whole, families = set(), set()
    for found in (delivered, trunk, across_accounts):
        whole |= {action for action, r in wildcards(found.pipeline) if r == '"*"'}
        families |= {
            action
            for _, statement in role_statements(found.pipeline)
            for action in as_list(statement["Action"])
            if "*" in action
        }

    assert whole == set(PIPELINE_WHOLE)
    assert families == set(PIPELINE_FAMILIES)


def test_s64_what_reads_and_writes_in_families_does_so_in_the_pipelines_own_things(
    delivered: Delivered,
) -> None:
    own = {*delivered.pipeline.all("AWS::S3::Bucket"), *delivered.pipeline.all("AWS::KMS::Key")}
    for _, statement in role_statements(delivered.pipeline):
        if set(as_list(statement["Action"])) & set(PIPELINE_FAMILIES):
            for resource in as_list(statement["Resource"]):
                assert any(name in text(resource) for name in own), statement


def test_s64_a_role_is_assumed_only_where_the_bootstrap_made_it(
    delivered: Delivered, trunk: Delivered
) -> None:
    """By name, or by the tag that the bootstrap gives its roles."""
    for found in (delivered, trunk):
        for _, statement in role_statements(found.pipeline):
            if "sts:AssumeRole" in as_list(statement["Action"]):
                tag = "iam:ResourceTag/aws-cdk:bootstrap-role"
                named = all(
                    ":role/cdk-hnb659fds-" in text(r) for r in as_list(statement["Resource"])
                )
                assert named or tag in text(statement.get("Condition")), statement
