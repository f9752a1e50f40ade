"""The table of sessions, keyed by the hash of their token; expired sessions are deleted."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from app_service.settings import SESSIONS_BY_USER_INDEX
from infra.encryption import allow_use_through
from infra.naming import EnvironmentSuffix

TABLE = "transaction-sessions"
_ITEM_ACTIONS = ("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem")


class Sessions(Construct):
    """The sessions table with its index by user: on demand, with point-in-time recovery.

    Grant with `grant_use`, which allows `actions`.
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
        self.actions = (*_ITEM_ACTIONS, "dynamodb:Query")
        self._key = key

        self.table = dynamodb.Table(
            self,
            "Table",
            table_name=suffix.physical_name(TABLE),
            partition_key=_key("token_hash", dynamodb.AttributeType.STRING),
            time_to_live_attribute="expires_at",
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=False,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.table.add_global_secondary_index(
            index_name=SESSIONS_BY_USER_INDEX,
            partition_key=_key("user_id", dynamodb.AttributeType.STRING),
            sort_key=_key("created_at", dynamodb.AttributeType.NUMBER),
        )

    def grant_use(self, grantee: iam.IGrantable) -> None:
        """Allow opening, finding and closing sessions, but not scanning the table."""
        for actions, resource in (
            ([*_ITEM_ACTIONS], self.table.table_arn),
            (["dynamodb:Query"], f"{self.table.table_arn}/index/{SESSIONS_BY_USER_INDEX}"),
        ):
            grantee.grant_principal.add_to_principal_policy(
                iam.PolicyStatement(actions=actions, resources=[resource])
            )
        allow_use_through(
            "dynamodb", grantee, self._key, actions=("kms:Decrypt", "kms:DescribeKey")
        )


def _key(name: str, kind: dynamodb.AttributeType) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=kind)
