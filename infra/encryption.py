"""The environment's own key, and the AWS services that may use it without a role of ours."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.naming import EnvironmentSuffix

KEY_ALIAS = "transaction-key"


def allow_use_through(
    service: str, grantee: iam.IGrantable, key: kms.IKey, *, actions: tuple[str, ...]
) -> None:
    """Let `grantee` use `key` where it calls `service`, and in no other way.

    CDK's own grants on a key allow families of actions, from anywhere.
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
    """A key that is rotated every year and goes with its stack; log groups of `suffix` may use it.

    CDK adds who else may where the key is used; log groups it leaves out.
    """
    stack = Stack.of(scope)
    key = kms.Key(
        scope,
        construct_id,
        alias=alias,
        description=description,
        enable_key_rotation=True,
        # The shortest that KMS offers: the key is the one thing that outlives the stack.
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
    """One key per environment. Grant on `key`."""

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
