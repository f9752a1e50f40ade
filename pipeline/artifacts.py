"""The bucket for the pipeline's artifacts and for the download cache of the synth."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.naming import EnvironmentSuffix

ARTIFACTS: Final = "transaction-artifacts"
# A rollback needs the artifacts of the previous run.
RETENTION: Final = Duration.days(30)
# pip and npm check the hash of every cached file. uv does not: its cache holds unpacked packages,
# so later builds would install a package that one build changed. Without a cache uv takes 4 s.
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
    """The cache in `bucket` of what pip and npm download (DOWNLOADS).

    In S3: CodeBuild's local cache lives as long as a host that the next build rarely gets. Only
    the synth has it: the lock files' hashes guard what is installed, but a build that may write
    a cache may do more than test, so the tests download anew.
    """
    return codebuild.Cache.bucket(bucket, prefix="downloads")
