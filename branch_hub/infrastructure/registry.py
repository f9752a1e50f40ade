"""The table of environments, quota, webhook deliveries and retries."""

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from branch_hub.functions.shared.registry import FORGET_AFTER
from infra.encryption import allow_use_through
from infra.naming import EnvironmentSuffix

TABLE: Final = "transaction-branches"
KEY_ATTRIBUTE: Final = "suffix"


class Registry(Construct):
    """Items by suffix, the members of the quota, and deliveries. Grant with `grant`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self._key = key

        self.table = dynamodb.Table(
            self,
            "Table",
            table_name=suffix.physical_name(TABLE),
            partition_key=dynamodb.Attribute(
                name=KEY_ATTRIBUTE, type=dynamodb.AttributeType.STRING
            ),
            # Deletes deliveries, retries and records of expired environments.
            time_to_live_attribute=FORGET_AFTER,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            # No point-in-time recovery: the reconciler rebuilds it from branches and stacks, and
            # the last backup would outlive the table by 35 days.
            deletion_protection=False,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def grant(self, grantee: iam.IGrantable, *actions: str) -> None:
        """Allow these actions on the table, and its key through DynamoDB."""
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=[*actions], resources=[self.table.table_arn])
        )
        allow_use_through(
            "dynamodb", grantee, self._key, actions=("kms:Decrypt", "kms:DescribeKey")
        )
