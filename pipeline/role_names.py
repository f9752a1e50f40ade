"""Names of those roles of a pipeline that act in the account of production.

That account trusts the trunk's roles by these names (`pipeline/bootstrap_trust.py`); CDK Pipelines
would generate names, which nobody knows before the pipeline is deployed.
"""

from typing import Final, cast

from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import pipelines
from constructs import IConstruct

from infra.naming import EnvironmentSuffix

# Assumes the deploy role for the actions that deploy stacks.
PIPELINE_ROLE: Final = "transaction-pipeline-role"
# Assume the publishing roles.
FILE_ASSETS_ROLE: Final = "transaction-file-assets-role"
IMAGE_ASSETS_ROLE: Final = "transaction-image-assets-role"
# Assume the lookup role: to compare, and to read the version of the database.
SYNTH_ROLE: Final = "transaction-synth-role"
GATE_ROLE: Final = "transaction-permission-gate-role"

# By construct id, which CDK Pipelines takes from the kind of asset.
_ASSET_ROLES: Final = {"FileRole": FILE_ASSETS_ROLE, "DockerRole": IMAGE_ASSETS_ROLE}


def name_roles(delivery: pipelines.CodePipeline, *, suffix: EnvironmentSuffix) -> None:
    """Call after the pipeline is built."""
    name_role(delivery.pipeline, PIPELINE_ROLE, suffix=suffix)
    assets = delivery.node.find_child("Assets").node
    for construct_id, name in _ASSET_ROLES.items():
        _set_name(assets.find_child(construct_id), name, suffix=suffix)


def name_role(
    owner: codepipeline.Pipeline | codebuild.IProject, name: str, *, suffix: EnvironmentSuffix
) -> None:
    """Name the role of a pipeline or of a build."""
    _set_name(owner.node.find_child("Role"), name, suffix=suffix)


def _set_name(role: IConstruct, name: str, *, suffix: EnvironmentSuffix) -> None:
    cast(iam.CfnRole, role.node.default_child).role_name = suffix.physical_name(name)
