"""The roles and the permissions boundary with which a branch is deployed, by their names.

The hub's stack creates them: branch_roles.py, branch_assets.py and branch_boundary.py in
branch_hub/infrastructure/.
"""

from dataclasses import dataclass
from typing import Final

import jsii
from aws_cdk import (
    Acknowledgment,
    Aspects,
    CfnResource,
    DefaultStackSynthesizer,
    IAspect,
    PermissionsBoundary,
    Stack,
    Validations,
)
from constructs import IConstruct

from infra.naming import EnvironmentSuffix

BOUNDARY: Final = "branch-boundary"
DEPLOY_ROLE: Final = "branch-deploy-role"
EXECUTION_ROLE: Final = "branch-execution-role"
FILE_ROLE: Final = "branch-file-role"
IMAGE_ROLE: Final = "branch-image-role"
IMAGES: Final = "branch-images"
ROLES: Final = "branch-roles"


@dataclass(frozen=True, kw_only=True)
class BranchLimits:
    """What the pipeline and the environment of a branch need to be deployed by the hub's roles."""

    hub: EnvironmentSuffix

    @property
    def boundary_name(self) -> str:
        return self.hub.physical_name(BOUNDARY)

    @property
    def deploy_role_name(self) -> str:
        return self.hub.physical_name(DEPLOY_ROLE)

    @property
    def execution_role_name(self) -> str:
        return self.hub.physical_name(EXECUTION_ROLE)

    @property
    def file_role_name(self) -> str:
        return self.hub.physical_name(FILE_ROLE)

    @property
    def file_prefix(self) -> str:
        """Of the keys of file assets in the bootstrap's bucket."""
        return f"{self.hub.physical_name('branch-files')}/"

    @property
    def image_role_name(self) -> str:
        return self.hub.physical_name(IMAGE_ROLE)

    @property
    def image_repository(self) -> str:
        return self.hub.physical_name(IMAGES)

    @property
    def role_path(self) -> str:
        """The path of every role of a branch. In an ARN it stands before the name of the role.

        CloudFormation shortens the names that it gives to roles, so a name cannot show whether a
        role belongs to a branch. The boundary allows changing and passing roles with this path.
        """
        return f"/{self.hub.physical_name(ROLES)}/"

    def synthesizer(self) -> DefaultStackSynthesizer:
        """For one stack: the hub's roles deploy it and publish its assets."""
        return DefaultStackSynthesizer(
            deploy_role_arn=_role_arn(self.deploy_role_name),
            cloud_formation_execution_role=_role_arn(self.execution_role_name),
            file_asset_publishing_role_arn=_role_arn(self.file_role_name),
            bucket_prefix=self.file_prefix,
            image_asset_publishing_role_arn=_role_arn(self.image_role_name),
            image_assets_repository_name=self.image_repository,
        )

    def boundary(self) -> PermissionsBoundary:
        return PermissionsBoundary.from_name(self.boundary_name)

    def place_roles(self, stack: Stack) -> None:
        """Give every role of `stack` the path by which the boundary recognizes it."""
        Aspects.of(stack).add(_RolePath(self.role_path))
        Validations.of(stack).acknowledge(
            Acknowledgment(
                id="CloudFormation-Validate::E3050",
                reason="It takes the ARN of a role with a path for a reference to its name.",
            )
        )


def _role_arn(name: str) -> str:
    return f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{name}"


@jsii.implements(IAspect)
class _RolePath:
    """CDK has a property for the path of a role of ours, but not for roles that it creates."""

    def __init__(self, path: str) -> None:
        self._path = path

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, CfnResource) and node.cfn_resource_type == "AWS::IAM::Role":
            node.add_property_override("Path", self._path)
