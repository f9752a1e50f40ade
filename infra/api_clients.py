"""The table of the API's clients: a credential per item, with the hash of its secret."""

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from app_service.settings import CLIENT_KEY, CREDENTIAL_KEY
from infra.encryption import allow_use_through
from infra.naming import EnvironmentSuffix

TABLE: Final = "transaction-api-clients"
_ACTIONS: Final = ("dynamodb:Query",)


class ApiClients(Construct):
    """The table, on demand, with point-in-time recovery. Grant with `grant_read`: `actions`.

    Only a person writes it (operations/api_client.py): the service cannot make a credential.
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
        self.actions = _ACTIONS
        self._key = key

        self.table = dynamodb.Table(
            self,
            "Table",
            table_name=suffix.physical_name(TABLE),
            partition_key=_key(CLIENT_KEY),
            sort_key=_key(CREDENTIAL_KEY),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            # Credentials are not in the code: a deleted one can only be restored.
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=False,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow reading the credentials of a client whose id is known."""
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=[*_ACTIONS], resources=[self.table.table_arn])
        )
        allow_use_through(
            "dynamodb", grantee, self._key, actions=("kms:Decrypt", "kms:DescribeKey")
        )


def _key(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
