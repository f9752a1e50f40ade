"""The pipeline's own key. CDK adds who may use it where it is used; log groups it leaves out."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.naming import EnvironmentSuffix

# Not the environment's: what builds and stores code must not open the data that it runs on.
KEY_ALIAS: Final = "transaction-pipeline-key"


def pipeline_key(scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix) -> kms.Key:
    """Make the key of artifacts, caches, build logs and notifications."""
    stack = Stack.of(scope)
    key = kms.Key(
        scope,
        construct_id,
        alias=f"alias/{suffix.physical_name(KEY_ALIAS)}",
        description=f"Everything at rest in the pipeline of {suffix}",
        enable_key_rotation=True,
        # The shortest that KMS offers: the key is the one thing that outlives the stack.
        pending_window=Duration.days(7),
        removal_policy=RemovalPolicy.DESTROY,
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="LogGroupsOfThisPipeline",
            principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
            actions=[
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKey*",
                "kms:ReEncrypt*",
            ],
            resources=["*"],  # in a key policy this is the key itself
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": stack.format_arn(
                        service="logs", resource=f"log-group:*-{suffix}*"
                    )
                }
            },
        )
    )
    return key
