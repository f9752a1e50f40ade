"""B12: the roles that deploy a branch and publish its assets."""

import json
from typing import Final

import pytest

from pipeline.promotion import RESERVED_SUFFIXES
from tests.branch_hub.infrastructure.arns import (
    ACCOUNT,
    rendered,
)
from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB as H
from tests.branch_hub.infrastructure.iam_request import Request, Statement, is_allowed
from tests.branch_hub.infrastructure.limited import (
    BOUNDARY,
    HERE,
    OTHER_ROLES,
    OWN_ROLES,
    ROLES,
    SUFFIXES,
    TRUNKS,
    Limited,
    templates_of,
)
from tests.delivered import SUFFIX, Delivered
from tests.infra.templates import Synthesized, as_list


@pytest.fixture
def deployer(hub: Synthesized) -> list[Statement]:
    arns = {
        json.dumps({"Fn::GetAtt": [logical_id, "Arn"]}): json.dumps(
            ROLES + role["Properties"]["RoleName"]
        )
        for logical_id, role in hub.all("AWS::IAM::Role").items()
    }
    text = json.dumps(rendered(hub.statements_of(f"branch-deploy-role-{H}")))
    for reference, arn in arns.items():
        text = text.replace(reference, arn)
    return list(json.loads(text))


def test_b12_the_pipeline_of_a_branch_may_assume_the_roles_for_branches(
    hub: Synthesized, branch: Limited
) -> None:
    """They have the tag of the hub, which is denied for everything else."""
    tags = {"aws:ResourceTag/branch-hub": H}
    for name in ("branch-deploy-role", "branch-file-role", "branch-image-role"):
        assert hub.one("AWS::IAM::Role", RoleName=f"{name}-{H}")
        role = f"{ROLES}{name}-{H}"
        assert branch.asks(Request(action="sts:AssumeRole", resource=role, context=tags))
    images = f"arn:aws:ecr:{HERE}:repository/branch-images-{H}"
    assert branch.asks(Request(action="ecr:BatchGetImage", resource=images, context=tags))


def test_b12_a_branch_may_pass_its_own_roles(branch: Limited) -> None:
    assert branch.may("iam:PassRole", f"{OWN_ROLES}transaction-service-role-{SUFFIX}")


def test_b12_every_role_of_a_branch_has_the_boundary_and_the_path(delivered: Delivered) -> None:
    roles = [
        rendered(resource["Properties"])
        for _, resources in templates_of(delivered.outdir)
        for resource in resources.values()
        if resource["Type"] == "AWS::IAM::Role"
    ]

    assert roles
    for role in roles:
        assert role["PermissionsBoundary"] == BOUNDARY
        assert role["Path"] == f"/branch-roles-{H}/"


def test_b12_the_execution_role_has_the_boundary_and_no_more(hub: Synthesized) -> None:
    (policy,) = hub.all("AWS::IAM::ManagedPolicy")
    role = hub.one("AWS::IAM::Role", RoleName=f"branch-execution-role-{H}")

    assert role["PermissionsBoundary"] == {"Ref": policy}
    assert role["ManagedPolicyArns"] == [{"Ref": policy}]
    assert hub.statements_of(f"branch-execution-role-{H}") == []
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "cloudformation.amazonaws.com"}


def deploys(statements: list[Statement], action: str, stack: str, role: str | None = None) -> bool:
    return is_allowed(
        statements,
        Request(
            action=f"cloudformation:{action}",
            resource=f"arn:aws:cloudformation:{HERE}:stack/{stack}/0a1b",
            context={"cloudformation:RoleArn": role} if role else {},
        ),
    )


EXECUTION: Final = f"{ROLES}branch-execution-role-{H}"


DEPLOYMENTS: Final = ("CreateChangeSet", "CreateStack", "UpdateStack")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_b12_the_deploy_role_deploys_stacks_of_branches(
    deployer: list[Statement], suffix: str
) -> None:
    for stack in (f"transaction-{suffix}", f"DeliveryPipeline-{suffix}"):
        for action in DEPLOYMENTS:
            assert deploys(deployer, action, stack, EXECUTION)
        for action in ("ExecuteChangeSet", "DeleteStack"):
            assert deploys(deployer, action, stack)


@pytest.mark.parametrize(
    "stack",
    [
        *(f"transaction-{suffix}" for suffix in (*RESERVED_SUFFIXES, TRUNKS)),
        f"DeliveryPipeline-{TRUNKS}",
        f"BranchHub-{H}",
        "CDKToolkit",
        "payroll-abcdef",
    ],
)
def test_b12_the_deploy_role_changes_no_other_stack(deployer: list[Statement], stack: str) -> None:
    for action in (*DEPLOYMENTS, "ExecuteChangeSet", "DeleteStack"):
        assert not deploys(deployer, action, stack, EXECUTION)


@pytest.mark.parametrize("role", [None, f"{ROLES}cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-us-east-1"])
def test_b12_a_stack_that_an_administrators_role_deployed_is_not_changed_with_that_role(
    deployer: list[Statement], role: str | None
) -> None:
    """Without a role in the request, CloudFormation takes the role of the last deployment."""
    for action in (*DEPLOYMENTS, "ContinueUpdateRollback", "RollbackStack"):
        assert not deploys(deployer, action, f"transaction-{SUFFIX}", role)


def test_b12_the_deploy_role_passes_only_the_execution_role(deployer: list[Statement]) -> None:
    to_it = {"iam:PassedToService": "cloudformation.amazonaws.com"}
    for role in (*OTHER_ROLES, f"{OWN_ROLES}mine"):
        request = Request(action="iam:PassRole", resource=role, context=to_it)
        assert is_allowed(deployer, request) == (role == EXECUTION), role
    assert not is_allowed(deployer, Request(action="iam:PassRole", resource=EXECUTION))


def test_b12_branches_store_no_asset_where_the_trunk_takes_its_own(hub: Synthesized) -> None:
    bucket = f"arn:aws:s3:::cdk-hnb659fds-assets-{ACCOUNT}-us-east-1"
    files = rendered(hub.statements_of(f"branch-file-role-{H}"))
    repository, _ = hub.only("AWS::ECR::Repository", RepositoryName=f"branch-images-{H}")
    images = hub.statements_of(f"branch-image-role-{H}")

    def may(action: str, key: str) -> bool:
        return is_allowed(files, Request(action=action, resource=f"{bucket}/{key}"))

    assert may("s3:PutObject", f"branch-files-{H}/0a1b.zip")
    assert not may("s3:PutObject", "0a1b.zip")
    assert not may("s3:DeleteObject", f"branch-files-{H}/0a1b.zip")
    assert [s["Resource"] for s in images if "ecr:PutImage" in as_list(s["Action"])] == [
        {"Fn::GetAtt": [repository, "Arn"]}
    ]
