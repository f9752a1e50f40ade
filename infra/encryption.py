"""The KMS key of an environment, and the AWS services that may use it directly."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.naming import EnvironmentSuffix

KEY_ALIAS = "transaction-key"


def allow_use_through(
    service: str, grantee: iam.IGrantable, key: kms.IKey, *, actions: tuple[str, ...]
) -> None:
    """Let `grantee` use `key` only through calls of `service`.

    CDK's own grants on a key allow wildcard actions, and direct use.
    """
    region = Stack.of(key).region
    grantee.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(
            actions=[*actions],
            resources=[key.key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com"}},
        )
    )


def key_alias(suffix: EnvironmentSuffix) -> str:
    return f"alias/{suffix.physical_name(KEY_ALIAS)}"


def key_with_logs(
    scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix, alias: str, description: str
) -> kms.Key:
    """Create a key that is rotated every year, deleted with its stack, and open to log groups.

    CDK adds the other services where the key is used, but not log groups.
    """
    stack = Stack.of(scope)
    key = kms.Key(
        scope,
        construct_id,
        alias=alias,
        description=description,
        enable_key_rotation=True,
        # The shortest that KMS offers. Nothing else remains after the stack is deleted.
        pending_window=Duration.days(7),
        removal_policy=RemovalPolicy.DESTROY,
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="LogGroupsOfThisSuffix",
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
                    "kms:EncryptionContext:aws:logs:arn": [
                        stack.format_arn(service="logs", resource=f"log-group:*-{suffix}{end}")
                        for end in ("", "/*")
                    ]
                }
            },
        )
    )
    return key


class Encryption(Construct):
    """One key for each environment. Grant access on `key`."""

    def __init__(self, scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix) -> None:
        super().__init__(scope, construct_id)

        self.key = key_with_logs(
            self,
            "Key",
            suffix=suffix,
            alias=key_alias(suffix),
            description=f"Everything at rest in environment {suffix}",
        )
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
