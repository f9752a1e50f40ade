"""The audit trail: a bucket whose objects are written once and never changed."""

from dataclasses import dataclass
from typing import Final, cast

from aws_cdk import CustomResourceProviderBase, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.naming import EnvironmentSuffix
from lambda_src.shared.audit_objects import AUDIT_PREFIX

AUDIT_BUCKET: Final = "transaction-audit"
READ_RECORD: Final = ("s3:GetObject", "s3:GetObjectVersion")
LIST_RECORDS: Final = ("s3:ListBucket", "s3:ListBucketVersions")
LOCK_DAYS_MAX: Final = 36_500  # of S3
# A first deployment that fails leaves no bucket, or the next one would find its name taken.
_KEPT: Final = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


@dataclass(frozen=True, kw_only=True)
class AuditConfig:
    # None: no Object Lock, and the bucket is deleted with its stack. A lock cannot be taken off.
    lock_days: int | None = None


class AuditStore(Construct):
    """A bucket to which records are added and in which none is replaced.

    Grant with `grant_append` or `grant_verify`.
    Only the function that empties the bucket when the stack is deleted may delete records. With a
    lock nobody may, and bucket and policy are kept when the stack is deleted.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: AuditConfig,
    ) -> None:
        super().__init__(scope, construct_id)
        is_locked = config.lock_days is not None

        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=suffix.global_name(AUDIT_BUCKET, account=Stack.of(self).account),
            versioned=True,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="infrequent-access-after-30-days",
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.INFREQUENT_ACCESS,
                            transition_after=Duration.days(30),
                        )
                    ],
                ),
                s3.LifecycleRule(
                    id="abandoned-uploads",
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                ),
            ],
            transition_default_minimum_object_size=(
                s3.TransitionDefaultMinimumObjectSize.VARIES_BY_STORAGE_CLASS
            ),
            # CDK's function does not bypass a lock: it would fail, and with it the deletion.
            auto_delete_objects=not is_locked,
            removal_policy=_KEPT if is_locked else RemovalPolicy.DESTROY,
            object_lock_default_retention=(
                None
                if config.lock_days is None
                else s3.ObjectLockRetention.governance(Duration.days(config.lock_days))
            ),
        )
        # Without a size, a rule ignores objects below 128 KB, and nearly all of ours are smaller.
        # CDK writes the size as a number, but CloudFormation requires a string.
        cast(s3.CfnBucket, self.bucket.node.default_child).add_property_override(
            "LifecycleConfiguration.Rules.0.ObjectSizeGreaterThan", "1"
        )
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="RecordsAreWrittenOnce",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:PutObject"],
                resources=[self.bucket.arn_for_objects(f"{AUDIT_PREFIX}*")],
                conditions={
                    "Null": {"s3:if-none-match": "true"},
                    # The parts of a multipart upload cannot have the header; its completion has it.
                    "Bool": {"s3:ObjectCreationOperation": "true"},
                },
            )
        )

        # Versions too: a delete marker hides a record as a deletion does.
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="RecordsStay",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=[
                    "s3:DeleteObject",
                    "s3:DeleteObjectVersion",
                    *(["s3:BypassGovernanceRetention"] if is_locked else []),
                ],
                resources=[self.bucket.arn_for_objects(f"{AUDIT_PREFIX}*")],
                conditions=(
                    None
                    if is_locked
                    else {"ArnNotEquals": {"aws:PrincipalArn": _clean_up_role(self)}}
                ),
            )
        )
        if is_locked and self.bucket.policy is not None:
            self.bucket.policy.apply_removal_policy(_KEPT)

    def grant_append(self, grantee: iam.IGrantable) -> None:
        """Allow adding records, and reading those that are there already."""
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["s3:PutObject", "s3:GetObject"],
                resources=[self.bucket.arn_for_objects(f"{AUDIT_PREFIX}*")],
            )
        )

    def grant_verify(self, grantee: iam.IGrantable) -> None:
        """Allow reading records and their versions."""
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=[*READ_RECORD], resources=[self.records])
        )
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=[*LIST_RECORDS], resources=[self.bucket.bucket_arn])
        )

    @property
    def records(self) -> str:
        """The ARN of all records."""
        return self.bucket.arn_for_objects(f"{AUDIT_PREFIX}*")


def _clean_up_role(scope: Construct) -> str:
    """The role of the function that empties buckets when the stack is deleted."""
    (provider,) = (
        child
        for child in Stack.of(scope).node.children
        if isinstance(child, CustomResourceProviderBase) and "S3AutoDelete" in child.node.id
    )
    return provider.role_arn
