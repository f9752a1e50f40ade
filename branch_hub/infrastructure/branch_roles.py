"""The roles that deploy branches. Builds and pipelines of branches may assume no others."""

from collections.abc import Iterator
from typing import Final

from aws_cdk import DefaultStackSynthesizer, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from branch_hub.functions.shared.stacks import STACKS
from branch_hub.infrastructure.branch_assets import (
    BranchAssets,
    bootstrap_bucket,
    bootstrap_like_role,
)
from branch_hub.infrastructure.branch_boundary import boundary_statements
from branch_hub.infrastructure.hub import ANY_BRANCH, Hub
from pipeline.delivery_settings import DeliverySettings

_SETS_THE_ROLE: Final = (
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:CreateChangeSet",
    "cloudformation:CreateStack",
    "cloudformation:RollbackStack",
    "cloudformation:UpdateStack",
)
_KEEPS_THE_ROLE: Final = (
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:ExecuteChangeSet",
)
_LOOKS: Final = (
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeEvents",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "cloudformation:GetTemplateSummary",
    "cloudformation:ListStackResources",
    "cloudformation:ValidateTemplate",
)


class BranchRoles(Construct):
    """The permissions boundary of branches, and the same kinds of roles as a bootstrap has.

    The deploy role changes stacks; CloudFormation has the execution role while it does so.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, hub: Hub, settings: DeliverySettings
    ) -> None:
        super().__init__(scope, construct_id)
        stack, limits = Stack.of(self), hub.limits
        boundary = iam.ManagedPolicy(
            self,
            "Boundary",
            managed_policy_name=limits.boundary_name,
            description="The most that a role of a branch may do",
            statements=boundary_statements(
                stack, limits=limits, kept=hub.kept, domains=settings.domains
            ),
        )
        execution = iam.Role(
            self,
            "ExecutionRole",
            role_name=limits.execution_role_name,
            description="CloudFormation creates the resources of branches with it",
            assumed_by=iam.ServicePrincipal("cloudformation.amazonaws.com"),
            # As a policy it allows the most; as a boundary it also limits policies added later.
            managed_policies=[boundary],
            permissions_boundary=boundary,
        )
        BranchAssets(self, "Assets", hub=hub)
        # CDK Pipelines may assume a role in order to update itself if the role has this tag.
        deploy = bootstrap_like_role(
            self, "DeployRole", name=limits.deploy_role_name, kind="deploy"
        )
        for statement in _may_deploy_branches(stack, hub, execution):
            deploy.add_to_policy(statement)


def _may_deploy_branches(
    stack: Stack, hub: Hub, execution: iam.IRole
) -> Iterator[iam.PolicyStatement]:
    branches = [_stacks(stack, f"{base}-{ANY_BRANCH}") for base in STACKS]
    # A stack keeps the role of its last deployment. Without the condition a stack that the
    # bootstrap's role deployed could be changed with the bootstrap's permissions.
    yield iam.PolicyStatement(
        actions=[*_SETS_THE_ROLE],
        resources=branches,
        conditions={"StringEquals": {"cloudformation:RoleArn": execution.role_arn}},
    )
    yield iam.PolicyStatement(actions=[*_KEEPS_THE_ROLE], resources=branches)
    yield iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=[*_SETS_THE_ROLE, *_KEEPS_THE_ROLE],
        resources=[_stacks(stack, f"*-{suffix}") for suffix in hub.kept],
    )
    yield iam.PolicyStatement(actions=[*_LOOKS], resources=["*"])
    yield iam.PolicyStatement(
        actions=["iam:PassRole"],
        resources=[execution.role_arn],
        conditions={"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
    )
    yield iam.PolicyStatement(
        actions=["s3:GetObject"],
        resources=[f"{bootstrap_bucket(stack)}/{hub.limits.file_prefix}*"],
    )
    qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
    yield iam.PolicyStatement(
        actions=["ssm:GetParameter", "ssm:GetParameters"],
        resources=[
            stack.format_arn(
                service="ssm",
                resource="parameter",
                resource_name=f"cdk-bootstrap/{qualifier}/version",
            )
        ],
    )


def _stacks(stack: Stack, name: str) -> str:
    return stack.format_arn(service="cloudformation", resource="stack", resource_name=f"{name}/*")
