"""The secret that the hub and the git host share: webhook signing key and API token."""

import json
from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.encryption import allow_use_through
from infra.naming import EnvironmentSuffix

SECRET: Final = "branch-hub"
SIGNING_FIELD: Final = "webhook_secret"
# Empty for CodeCommit. For GitHub a person sets it: docs/aws.md.
TOKEN_FIELD: Final = "token"


class HostSecret(Construct):
    """AWS generates the signing key; a person copies it to the host. Found by `name`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        self.name = suffix.physical_name(SECRET)
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            secret_name=self.name,
            description="Webhook signing key and API token of the git host",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({TOKEN_FIELD: ""}),
                generate_string_key=SIGNING_FIELD,
                exclude_punctuation=True,
                password_length=64,
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def grant_read(self, grantee: iam.IGrantable) -> None:
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"], resources=[self.secret.secret_arn]
            )
        )
        allow_use_through("secretsmanager", grantee, self._key, actions=("kms:Decrypt",))
