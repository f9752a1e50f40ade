"""The notifications of a pipeline: their topic, and the events that are published there."""

from typing import Final

from aws_cdk import Stack
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codestarnotifications as notifications
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.naming import EnvironmentSuffix

NAME: Final = "transaction-pipeline-events"
# A success after a failure reports that the failure is fixed.
EVENTS: Final = (
    codepipeline.PipelineNotificationEvents.PIPELINE_EXECUTION_FAILED,
    codepipeline.PipelineNotificationEvents.PIPELINE_EXECUTION_SUCCEEDED,
    codepipeline.PipelineNotificationEvents.MANUAL_APPROVAL_NEEDED,
)


class PipelineNotifications(Construct):
    """Notifies `topic` of failed runs, successful runs and waiting approvals.

    `topic` is the one named `shared_topic`, which its owner subscribes to, or one of its own.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        pipeline: codepipeline.IPipeline,
        key: kms.IKey,
        email: str | None,
        shared_topic: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic: sns.ITopic
        if shared_topic is not None:
            arn = Stack.of(self).format_arn(service="sns", resource=shared_topic)
            self.topic = sns.Topic.from_topic_arn(self, "SharedTopic", arn)
        else:
            self.topic = sns.Topic(
                self,
                "Topic",
                topic_name=suffix.physical_name(NAME),
                master_key=key,
                enforce_ssl=True,
            )
            if email is not None:  # must confirm once
                self.topic.add_subscription(subscriptions.EmailSubscription(email))
        pipeline.notify_on(
            "Notifications",
            self.topic,
            events=[*EVENTS],
            detail_type=notifications.DetailType.FULL,
            notification_rule_name=suffix.physical_name(NAME),
        )
