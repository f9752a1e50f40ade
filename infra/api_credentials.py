"""The credential of the first client of the API, an operator."""

import json
from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from app_service.settings import FIRST_CLIENT_ID
from infra.naming import EnvironmentSuffix

API_CREDENTIALS: Final = "transaction-api-credentials"
CLIENT_ID_FIELD: Final = "client_id"
CLIENT_SECRET_FIELD: Final = "client_secret"


class ApiCredentials(Construct):
    """A secret with `client_id` and a generated `client_secret`.

    Grant access on `secret`. Programs outside the stack find it by `secret_name`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)

        self.secret_name = suffix.physical_name(API_CREDENTIALS)
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            secret_name=self.secret_name,
            description=f"Opens sessions at the API of {suffix}",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({CLIENT_ID_FIELD: FIRST_CLIENT_ID}),
                generate_string_key=CLIENT_SECRET_FIELD,
                exclude_punctuation=True,
                password_length=40,
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
