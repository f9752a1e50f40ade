"""Settings of every build of a pipeline: image, tools and log group."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import Duration, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_logs as logs

# Current, and offers the deployed Python and this Node. `make setup` brings the project's own Node.
IMAGE: Final = codebuild.LinuxBuildImage.STANDARD_7_0
NODE: Final = "22"


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
    group: logs.ILogGroup, *, prefix: str, timeout_minutes: int, first: Sequence[str] = ()
) -> pipelines.CodeBuildOptions:
    """For the builds that CDK Pipelines adds: they run its Node tools, after `first`."""
    return pipelines.CodeBuildOptions(
        build_environment=environment(codebuild.ComputeType.SMALL),
        partial_build_spec=runtimes(nodejs=NODE, first=first),
        logging=logging(group, prefix=prefix),
        timeout=Duration.minutes(timeout_minutes),
    )
