"""The state of the two circuit breakers: an item each, which every call of its function reads."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.encryption import allow_use_through
from infra.naming import EnvironmentSuffix

TABLE: Final = "transaction-breaker"
# Read the item, and replace it on the condition that it has not changed since.
_ACTIONS: Final = ("dynamodb:GetItem", "dynamodb:PutItem")


@dataclass(frozen=True, kw_only=True)
class BreakerConfig:
    """Of both breakers. A failover takes about a minute, so pauses are much shorter.

    The longest pause, its jitter (at most as long) and an attempt of 25 s together take less than a
    minute. So the open breaker is reported every minute while a message waits.
    """

    failures_max: int = 3  # in a row, before it opens
    pause_first_seconds: int = 5  # before one batch tries again; doubles each time
    pause_max_seconds: int = 15


class Breaker(Construct):
    """The table of the breakers' states. Grant with `grant_use`, which allows `actions`."""

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
            partition_key=dynamodb.Attribute(name="breaker", type=dynamodb.AttributeType.STRING),
            time_to_live_attribute="expires_at",
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            # No point-in-time recovery: its last backup would remain for 35 days after the table.
            deletion_protection=False,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def grant_use(self, grantee: iam.IGrantable, *, item: str) -> None:
        """Allow reading and changing the state of one breaker, and of no other."""
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[*_ACTIONS],
                resources=[self.table.table_arn],
                # Both actions always carry the key.
                conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [item]}},
            )
        )
        allow_use_through(
            "dynamodb", grantee, self._key, actions=("kms:Decrypt", "kms:DescribeKey")
        )
