"""Settings of every build of a pipeline: image, tools and log group."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from aws_cdk import Duration, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_logs as logs

from infra.naming import EnvironmentSuffix
from infra.task_capacity import CpuArchitecture

# Current, and offers the deployed Python and this Node. `make setup` brings the project's own Node.
IMAGE: Final = codebuild.LinuxBuildImage.STANDARD_7_0
NODE: Final = "22"
# `docker build` runs the commands of a Dockerfile: on a processor of the image's own architecture.
_IMAGES: Final[dict[CpuArchitecture, codebuild.IBuildImage]] = {
    CpuArchitecture.X86_64: IMAGE,
    CpuArchitecture.ARM64: codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0,
}
# By construct id, which CDK Pipelines takes from the kind of asset.
_ASSET_BUILDS: Final = {
    "FileAsset": "transaction-file-assets",
    "DockerAsset": "transaction-image-assets",
}


def environment(compute: codebuild.ComputeType) -> codebuild.BuildEnvironment:
    return codebuild.BuildEnvironment(build_image=IMAGE, compute_type=compute)


def runtimes(
    *,
    first: Sequence[str] = (),
    sections: Mapping[str, Any] | None = None,
    **versions: str,
) -> codebuild.BuildSpec:
    """The build specification that selects language versions, with the other `sections`.

    `first` are commands that run before those that CDK adds.
    """
    install = {"runtime-versions": versions, **({"commands": [*first]} if first else {})}
    return codebuild.BuildSpec.from_object(
        {"version": "0.2", "phases": {"install": install}, **(sections or {})}
    )


def logging(group: logs.ILogGroup, *, prefix: str) -> codebuild.LoggingOptions:
    """Log to the pipeline's own group: one that CodeBuild creates remains after the stack."""
    return codebuild.LoggingOptions(
        cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=group, prefix=prefix)
    )


def options(
    group: logs.ILogGroup,
    *,
    prefix: str,
    timeout_minutes: int,
    first: Sequence[str] = (),
    architecture: CpuArchitecture = CpuArchitecture.X86_64,
) -> pipelines.CodeBuildOptions:
    """For the builds that CDK Pipelines adds: they run its Node tools, after `first`."""
    return pipelines.CodeBuildOptions(
        build_environment=codebuild.BuildEnvironment(
            build_image=_IMAGES[architecture], compute_type=codebuild.ComputeType.SMALL
        ),
        partial_build_spec=runtimes(nodejs=NODE, first=first),
        logging=logging(group, prefix=prefix),
        timeout=Duration.minutes(timeout_minutes),
    )


def name_asset_builds(delivery: pipelines.CodePipeline, *, suffix: EnvironmentSuffix) -> None:
    """CDK Pipelines names the builds of steps and of itself, but not those of assets."""
    assets = delivery.node.find_child("Assets").node
    for construct_id, name in _ASSET_BUILDS.items():
        project = assets.find_child(construct_id).node.default_child
        cast(codebuild.CfnProject, project).name = suffix.physical_name(name)
