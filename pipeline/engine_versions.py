"""What the synth may ask AWS to choose the database version of each environment."""

from collections.abc import Iterable, Iterator

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam

from pipeline.steps.engine_version import LISTS_VERSIONS, READS_DEPLOYED, Cluster


def may_choose_engine_versions(
    stack: Stack, clusters: Iterable[Cluster]
) -> Iterator[iam.PolicyStatement]:
    """Read the clusters by name; in another account only with the lookup role there."""
    yield iam.PolicyStatement(actions=[*LISTS_VERSIONS], resources=["*"])
    for cluster in clusters:
        if cluster.role_arn is None:
            arn = stack.format_arn(
                service="rds",
                resource="cluster",
                resource_name=cluster.name,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            yield iam.PolicyStatement(actions=[READS_DEPLOYED], resources=[arn])
        else:
            yield iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[cluster.role_arn])
