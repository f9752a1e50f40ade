"""The event bus for changes of branches, and the dead-letter queue of its rules."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from branch_hub.events import DETAIL_TYPES, SOURCE, Reason
from infra.naming import EnvironmentSuffix

BUS: Final = "branch-events"
DEAD_LETTERS: Final = "branch-dead-letters"


class BranchEvents(Construct):
    """Rules on `bus` start the machines with an event's detail.

    An event that no target accepts within a day goes to `dead_letters`.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self._suffix = suffix
        self.bus = events.EventBus(
            self, "Bus", event_bus_name=suffix.physical_name(BUS), kms_key=key
        )
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=suffix.physical_name(DEAD_LETTERS),
            retention_period=Duration.days(14),
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def grant_put(self, grantee: iam.IGrantable) -> None:
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=["events:PutEvents"], resources=[self.bus.event_bus_arn])
        )

    def start(
        self,
        construct_id: str,
        machine: sfn.IStateMachine,
        *,
        name: str,
        on: tuple[Reason, ...],
    ) -> None:
        """Start `machine` for each event with one of these reasons."""
        role = iam.Role(
            self,
            f"{construct_id}Role",
            role_name=self._suffix.physical_name(f"{name}-role"),
            assumed_by=iam.ServicePrincipal("events.amazonaws.com"),
        )
        events.Rule(
            self,
            construct_id,
            rule_name=self._suffix.physical_name(name),
            event_bus=self.bus,
            event_pattern=events.EventPattern(
                source=[SOURCE], detail_type=[DETAIL_TYPES[reason] for reason in on]
            ),
            targets=[
                targets.SfnStateMachine(
                    machine,
                    input=events.RuleTargetInput.from_event_path("$.detail"),
                    role=role,
                    dead_letter_queue=self.dead_letters,
                )
            ],
        )
