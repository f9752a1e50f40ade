"""S64: every policy of every role of the hub and of the pipelines.

Wildcards need an entry in checks/suppressions/.
"""

from typing import Any

import pytest

from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB, GITHUB_HUB
from tests.branch_hub.infrastructure.iam import Role
from tests.delivered import CONNECTION, Delivered
from tests.infra.templates import Synthesized, as_list, text
from tests.infra.test_permissions import role_statements

H = CODECOMMIT_HUB
# What shows how much of a quota is used: nothing is changed with it.
QUOTAS = {
    "cloudwatch:GetMetricStatistics",
    "ec2:DescribeAddresses",
    "ec2:DescribeNatGateways",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
    "elasticloadbalancing:DescribeLoadBalancers",
    "lambda:GetAccountSettings",
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:GetServiceQuota",
}


def test_s64_no_role_has_a_wildcard_action(every_hub: Synthesized) -> None:
    families = [
        (role, action)
        for role, statement in role_statements(every_hub)
        for action in as_list(statement["Action"])
        if "*" in action
    ]
    managed = [r for r in every_hub.properties("AWS::IAM::Role") if "ManagedPolicyArns" in r]

    assert families == []
    # All other policies are inline. This one is the boundary, see test_branch_boundary.py.
    assert [r["RoleName"].rpartition("-hub-")[0] for r in managed] == ["branch-execution-role"]


# Like the bootstrap's, they are for the roles of this account whose own policies allow it.
FOR_BRANCHES = ("branch-deploy-role", "branch-file-role", "branch-image-role")


def test_s64_every_other_role_of_the_hub_is_assumed_by_one_service(
    every_hub: Synthesized,
) -> None:
    for role in every_hub.properties("AWS::IAM::Role"):
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRole"
        if str(role["RoleName"]).startswith(FOR_BRANCHES):
            assert text(statement["Principal"]["AWS"]).endswith((':root"', ':root"]]}'))
        else:
            assert text(statement["Principal"]["Service"]).endswith('.amazonaws.com"')


def actions_on(stack: Synthesized, role: str) -> set[str]:
    """The actions of a role, without those on its logs and on keys (see KEY_USES)."""
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
                *QUOTAS,
                "secretsmanager:GetSecretValue",
                "codecommit:GetBranch",
                "codecommit:GetCommit",
                "codecommit:ListBranches",
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:Scan",
                "dynamodb:UpdateItem",
                "cloudformation:DescribeStacks",
                "codepipeline:ListPipelineExecutions",
                "fis:ListExperimentTemplates",
                "fis:ListExperiments",
                "states:DescribeExecution",
            },
        ),
        (
            "branch-sleep-steps-role",
            {
                "application-autoscaling:DescribeScalableTargets",
                "cloudwatch:DescribeAlarms",
                "application-autoscaling:RegisterScalableTarget",
                "cloudformation:ListStackResources",
                "cloudwatch:DisableAlarmActions",
                "cloudwatch:EnableAlarmActions",
                "cloudwatch:SetAlarmState",
                "ecs:DescribeClusters",
                "ecs:DescribeServices",
                "ecs:TagResource",
                "ecs:UntagResource",
                "ecs:UpdateService",
                "elasticloadbalancing:DescribeTargetHealth",
                "events:DisableRule",
                "events:EnableRule",
                "lambda:ListEventSourceMappings",
                "lambda:UpdateEventSourceMapping",
                "rds:DescribeDBClusters",
                "rds:StartDBCluster",
                "rds:StopDBCluster",
            },
        ),
        ("branch-sleep-schedule-role", {"dynamodb:Scan", "states:StartExecution"}),
        (
            "branch-sleep-schedule-start-role",
            {"lambda:InvokeFunction", "sqs:SendMessage"},
        ),
        ("branch-sleep-machine-role", {"lambda:InvokeFunction", "sns:Publish"}),
        ("branch-wake-machine-role", {"lambda:InvokeFunction", "sns:Publish"}),
        ("pipeline-run-started-role", {"states:StartExecution"}),
        (
            "branch-reconciler-role",
            {
                *QUOTAS,
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
            "asset-collector-role",
            {
                "cloudformation:DescribeStacks",
                "cloudformation:GetTemplate",
                "cloudformation:ListChangeSets",
                "codepipeline:ListPipelineExecutions",
                "dynamodb:DeleteItem",
                "dynamodb:PutItem",
                "dynamodb:Scan",
                "ecr:BatchDeleteImage",
                "ecr:DescribeImages",
                "ecs:DeleteTaskDefinitions",
                "ecs:DescribeServices",
                "ecs:DescribeTaskDefinition",
                "ecs:ListTaskDefinitionFamilies",
                "ecs:ListTaskDefinitions",
                "s3:DeleteObject",
                "s3:ListBucket",
                "sns:Publish",
                "states:DescribeExecution",
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
                "states:StartExecution",
            },
        ),
        ("branch-destroy-machine-role", {"lambda:InvokeFunction", "sns:Publish"}),
        ("branch-pushed-role", {"states:StartExecution"}),
        ("branch-gone-role", {"states:StartExecution"}),
        ("branch-pipelines-role", {"codecommit:GitPull", "sts:AssumeRole"}),
    ],
)
def test_s64_a_role_has_only_the_permissions_that_its_code_uses(
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
# By role: its actions with the hub's key, and the service through which it uses the key.
KEY_USES = {
    "asset-collector-role": {_VARIABLES, *_TABLE, *_TELLS},
    "branch-create-machine-role": {*_RUNS, *_TELLS},
    "branch-destroy-machine-role": {*_RUNS, *_TELLS},
    "branch-intake-role": {_VARIABLES, _SECRET, *_TABLE},
    "branch-lifecycle-role": {_VARIABLES, _SECRET, *_TABLE},
    "branch-reconciler-role": {_VARIABLES, _SECRET, *_TABLE, *_TELLS},
    "branch-sleep-steps-role": {_VARIABLES},
    "branch-sleep-schedule-role": {_VARIABLES, *_TABLE},
    # The schedules are encrypted with it, and so is the queue of what cannot be delivered.
    "branch-sleep-schedule-start-role": {
        _VARIABLES,
        ("kms:Decrypt", "sqs"),
        ("kms:GenerateDataKey", "sqs"),
    },
    "branch-sleep-machine-role": {*_RUNS, *_TELLS},
    "branch-teardown-role": {_VARIABLES},
    "branch-wake-machine-role": {*_RUNS, *_TELLS},
    "pipeline-retry-role": {_VARIABLES, *_TABLE},
}


def key_uses(stack: Synthesized, role: str) -> set[tuple[str, str]]:
    """The actions of a role with the key of the stack, and the services for them."""
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


def test_s64_a_role_uses_the_hubs_key_only_for_the_services_that_its_code_uses(
    hub: Synthesized,
) -> None:
    roles = [str(role["RoleName"]) for role in hub.properties("AWS::IAM::Role")]
    found = {role.removesuffix(f"-{H}"): key_uses(hub, role) for role in roles}

    assert {role: uses for role, uses in found.items() if uses} == KEY_USES


def test_b3_a_role_that_publishes_notices_may_use_the_key_of_the_topic(
    every_hub: Synthesized,
) -> None:
    """SNS refuses messages to an encrypted topic from a role that may not use the key."""
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


def test_s64_the_asset_collector_deletes_only_in_the_bootstrap_and_no_version(
    hub: Synthesized,
) -> None:
    role = Role.of(hub, f"asset-collector-role-{H}")
    place = "000000000000-us-east-1"
    deletes = {a for a in role.actions() if a.split(":")[1].startswith(("Delete", "Batch"))}

    assert deletes - {"dynamodb:DeleteItem"} == {
        "s3:DeleteObject",
        "ecr:BatchDeleteImage",
        "ecs:DeleteTaskDefinitions",
    }
    for bucket in ("transaction-audit-000000000000-production", f"payroll-{place}"):
        assert not role.may("s3:DeleteObject", f"arn:aws:s3:::{bucket}/key")
    assert role.may("s3:DeleteObject", f"arn:aws:s3:::cdk-hnb659fds-assets-{place}/key")
    images = f"cdk-hnb659fds-container-assets-{place}"
    for repository in (images, "payroll"):
        arn = f"arn:aws:ecr:us-east-1:000000000000:repository/{repository}"
        assert role.may("ecr:BatchDeleteImage", arn) == (repository == images)


def test_s64_no_role_both_decides_and_deletes(hub: Synthesized) -> None:
    """Only the teardown deletes, and it is asked by the machine that was told to."""
    for role in hub.properties("AWS::IAM::Role"):
        if role["RoleName"] not in (f"branch-teardown-role-{H}", f"branch-deploy-role-{H}"):
            assert "cloudformation:DeleteStack" not in hub.actions_of(role["RoleName"])


def test_b12_a_pipeline_is_deployed_with_the_roles_for_branches_alone(
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
        f"arn:aws:iam::000000000000:role/{role}-{H}"
        for role in ("branch-deploy-role", "branch-file-role")
    ]
    assert cloned == {
        (f"{service}:{action}", CONNECTION)
        for service in ("codeconnections", "codestar-connections")
        for action in ("GetConnection", "GetConnectionToken", "UseConnection")
    }


def test_s64_only_roles_that_the_bootstrap_or_the_hub_created_are_assumed(
    delivered: Delivered, trunk: Delivered
) -> None:
    """By name, or by the tag that both give these roles."""
    for found, start in ((delivered, "branch-"), (trunk, "cdk-hnb659fds-")):
        for _, statement in role_statements(found.pipeline):
            if "sts:AssumeRole" in as_list(statement["Action"]):
                tag = "iam:ResourceTag/aws-cdk:bootstrap-role"
                named = all(f":role/{start}" in text(r) for r in as_list(statement["Resource"]))
                assert named or tag in text(statement.get("Condition")), statement
