"""The event bus on which the senders of queued transactions learn what became of them."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.naming import EnvironmentSuffix
from infra.queues import RETENTION
from lambda_src.transaction_processor.settings import CORRELATION_ID, SOURCE

BUS: Final = "outcomes"
DEAD_LETTERS: Final = "outcome-dead-letters"
PROBE_QUEUE: Final = "outcome-probe-queue"
# The integration tests begin their correlation ids with this: their queue gets only events in which
# there is one.
PROBE_PREFIX: Final = "integration-test-"


class Outcomes(Construct):
    """Events for the senders; docs/outcomes.md describes them. Grant with `grant_put`.

    Encrypted with the environment's key. Events that cannot be encrypted or decrypted go to
    `dead_letters`, as AWS recommends for a bus with a key of the customer
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html).
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)

        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=suffix.physical_name(DEAD_LETTERS),
            retention_period=RETENTION,
            # Not the environment's key: this queue is for the case that the key cannot be used.
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.bus = events.EventBus(
            self,
            "Bus",
            event_bus_name=suffix.physical_name(BUS),
            description=f"Outcomes of the queued transactions of {suffix}",
            kms_key=key,
            dead_letter_queue=self.dead_letters,
        )
        self.dead_letters.add_to_resource_policy(
            iam.PolicyStatement(
                sid="EventsOfThisBus",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.dead_letters.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": self.bus.event_bus_arn}},
            )
        )

    def grant_put(self, grantee: iam.IGrantable) -> None:
        """Allow putting events on the bus and nothing else there.

        The bus has no policy of its own. Without one no other account may use it, and a policy that
        names a role of this account would not keep other roles of it out. To set one needs
        events:PutPermission, which no branch has (B12): it could open the account's default bus.
        """
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=["events:PutEvents"], resources=[self.bus.event_bus_arn])
        )


class OutcomeProbe(Construct):
    """A subscriber of the bus: the queue from which the integration tests read their outcomes."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        bus: events.IEventBus,
    ) -> None:
        super().__init__(scope, construct_id)

        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=suffix.physical_name(PROBE_QUEUE),
            retention_period=Duration.hours(1),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        events.Rule(
            self,
            "Rule",
            rule_name=suffix.physical_name("outcome-probe"),
            description="Outcomes of the integration tests' own messages",
            event_bus=bus,
            event_pattern=events.EventPattern(
                source=[SOURCE],
                detail={"outcomes": {CORRELATION_ID: [{"prefix": PROBE_PREFIX}]}},
            ),
            targets=[targets.SqsQueue(self.queue)],
        )
