"""The topic for notices: refusals, failures and expiries, and alarms and runs of branches."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.encryption import allow_use_through
from infra.naming import EnvironmentSuffix
from pipeline.shared_notices import shared_topic


class Notices(Construct):
    """Subscribe to `topic`; `grant_publish` lets a role publish to it.

    Alarms and pipelines of branches publish to it, too: they have no topics of their own.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        key: kms.IKey,
        email: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        stack = Stack.of(self)
        self.topic = sns.Topic(
            self,
            "Topic",
            topic_name=shared_topic(suffix),
            master_key=key,
            enforce_ssl=True,
        )
        if email is not None:  # must confirm once
            self.topic.add_subscription(subscriptions.EmailSubscription(email))
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {
                        "aws:SourceArn": stack.format_arn(service="cloudwatch", resource="alarm:*")
                    },
                },
            )
        )

        # The notification rules of the branches' pipelines.
        self.topic.grant_publish(iam.ServicePrincipal("codestar-notifications.amazonaws.com"))

    def grant_publish(self, grantee: iam.IGrantable) -> None:
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=["sns:Publish"], resources=[self.topic.topic_arn])
        )
        allow_use_through("sns", grantee, self._key, actions=("kms:Decrypt", "kms:GenerateDataKey"))
