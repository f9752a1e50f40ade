"""Where the assets of branches are stored, apart from those of the trunk.

The name of an asset is a hash of its contents, and an asset that is already stored is not published
again. If branches shared a place with the trunk, a branch could store other contents under the name
that an asset of the trunk will have after a merge: the trunk would deploy them to production.
"""

from typing import Final

from aws_cdk import DefaultStackSynthesizer, RemovalPolicy, Stack, Tags
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from branch_hub.infrastructure.hub import Hub, allow

# The tag by which CDK finds the roles of a bootstrap.
ROLE_TAG: Final = "aws-cdk:bootstrap-role"
# What `cdk-assets` calls.
_LOOKS_FOR_FILES: Final = ["s3:GetBucketLocation", "s3:GetEncryptionConfiguration", "s3:ListBucket"]
_STORES_FILES: Final = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
_STORES_IMAGES: Final = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:DescribeRepositories",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
]


class BranchAssets(Construct):
    """A repository for images, a prefix in the bootstrap's bucket, a role to publish to each."""

    def __init__(self, scope: Construct, construct_id: str, *, hub: Hub) -> None:
        super().__init__(scope, construct_id)
        stack, limits = Stack.of(self), hub.limits
        images = ecr.Repository(
            self,
            "Images",
            repository_name=limits.image_repository,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            encryption=ecr.RepositoryEncryption.KMS,
            encryption_key=hub.key,
            removal_policy=RemovalPolicy.DESTROY,
            empty_on_delete=True,
        )
        publishes_images = bootstrap_like_role(
            self, "ImageRole", name=limits.image_role_name, kind="image-publishing"
        )
        allow(publishes_images, _STORES_IMAGES, images.repository_arn)
        allow(publishes_images, ["ecr:GetAuthorizationToken"], "*")

        bucket = bootstrap_bucket(stack)
        publishes_files = bootstrap_like_role(
            self, "FileRole", name=limits.file_role_name, kind="file-publishing"
        )
        allow(publishes_files, _LOOKS_FOR_FILES, bucket)
        allow(publishes_files, _STORES_FILES, f"{bucket}/{limits.file_prefix}*")


def bootstrap_like_role(scope: Construct, construct_id: str, *, name: str, kind: str) -> iam.Role:
    """As a role of the bootstrap: for each role of this account whose own policies allow it."""
    role = iam.Role(scope, construct_id, role_name=name, assumed_by=iam.AccountRootPrincipal())
    Tags.of(role).add(ROLE_TAG, kind)
    return role


def bootstrap_bucket(stack: Stack) -> str:
    qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
    return f"arn:{stack.partition}:s3:::cdk-{qualifier}-assets-{stack.account}-{stack.region}"
