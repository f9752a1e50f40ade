"""Where the git host says what happened: signed webhooks, and CodeCommit's own events."""

from typing import Final

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from branch_hub.functions.intake.settings import BranchIntakeSettings
from branch_hub.infrastructure.bus import BranchEvents
from branch_hub.infrastructure.hub import Hub, hub_source
from infra.python_function import PythonFunction
from pipeline.sources.codecommit import CodeCommitSource

NAME: Final = "branch-intake"
# GitHub waits ten seconds for an answer, then it shows the delivery as failed.
TIMEOUT_SECONDS: Final = 10
# Anyone can post to the URL: a flood must not take what the account's other functions run with.
AT_ONCE: Final = 5


class Intake(Construct):
    """Makes one kind of event of both. GitHub posts to `url`; the signature is the door."""

    def __init__(
        self, scope: Construct, construct_id: str, *, hub: Hub, branch_events: BranchEvents
    ) -> None:
        super().__init__(scope, construct_id)
        intake = PythonFunction(
            self,
            "Intake",
            suffix=hub.suffix,
            name=NAME,
            description="Turns what the git host says into events of branches",
            source=hub_source("intake"),
            environment=BranchIntakeSettings(
                repository=hub.source.repository,
                hub_secret_arn=hub.secret.secret.secret_arn,
                branch_table_name=hub.registry.table.table_name,
                event_bus_name=branch_events.bus.event_bus_name,
                hub_suffix=str(hub.suffix),
            ).to_env(),
            timeout_seconds=TIMEOUT_SECONDS,
            key=hub.key,
            at_once=AT_ONCE,
        )
        self.function = intake.function
        hub.secret.grant_read(self.function)
        hub.registry.grant(
            self.function, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"
        )
        branch_events.grant_put(self.function)
        # Open to the internet: GitHub signs what it sends and has no AWS identity.
        self.url = self.function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE).url
        if isinstance(hub.source, CodeCommitSource):
            self._hear_of(hub.source, hub, branch_events)

    def _hear_of(self, source: CodeCommitSource, hub: Hub, branch_events: BranchEvents) -> None:
        repository = Stack.of(self).format_arn(service="codecommit", resource=source.repository)
        events.Rule(
            self,
            "CodeCommit",
            rule_name=hub.suffix.physical_name("branch-codecommit"),
            description=f"Branches of {source.repository} that come, move and go",
            event_pattern=events.EventPattern(
                source=["aws.codecommit"],
                detail_type=["CodeCommit Repository State Change"],
                resources=[repository],
                detail={
                    "referenceType": ["branch"],
                    "event": ["referenceCreated", "referenceUpdated", "referenceDeleted"],
                },
            ),
            targets=[
                targets.LambdaFunction(self.function, dead_letter_queue=branch_events.dead_letters)
            ],
        )
