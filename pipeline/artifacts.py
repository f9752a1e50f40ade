"""The bucket that a pipeline hands its artifacts on in, and where the synth keeps its downloads."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.naming import EnvironmentSuffix

ARTIFACTS: Final = "transaction-artifacts"
# As long as a rollback may want the artifacts of the run before.
RETENTION: Final = Duration.days(30)
# Both check the hash of what they take from there. uv does not: its cache holds unpacked packages,
# and one that a build changed would be installed by all that follow. Without it uv takes 4 s.
DOWNLOADS: Final = ("/root/.cache/pip/**/*", "/root/.npm/**/*")


def artifact_bucket(
    scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix, key: kms.IKey
) -> s3.Bucket:
    return s3.Bucket(
        scope,
        construct_id,
        bucket_name=suffix.global_name(ARTIFACTS, account=Stack.of(scope).account),
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        lifecycle_rules=[
            s3.LifecycleRule(
                expiration=RETENTION, abort_incomplete_multipart_upload_after=Duration.days(1)
            )
        ],
        auto_delete_objects=True,
        removal_policy=RemovalPolicy.DESTROY,
    )


def download_cache(bucket: s3.IBucket) -> codebuild.Cache:
    """What pip and npm downloaded (DOWNLOADS), kept in `bucket`.

    In S3: CodeBuild's local cache lives as long as a host that the next build rarely gets. Only
    the synth has it: the lock files' hashes guard what is installed, but a build that may write
    a cache may do more than test, so the tests download anew.
    """
    return codebuild.Cache.bucket(bucket, prefix="downloads")
