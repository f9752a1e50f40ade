"""Receives notifications of the git host: webhooks, or events of the account's bus."""

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

NAME: Final = "branch-intake"
# A git host waits about ten seconds for an answer, then it shows the delivery as failed.
TIMEOUT_SECONDS: Final = 10
# Anyone can post to the URL: a flood must not use up the account's concurrency.
AT_ONCE: Final = 5
# For a host of any kind. With another id, an update of a deployed hub would create a second rule of
# the same name before it deletes the first, and fail.
RULE_ID: Final = "CodeCommit"


class Intake(Construct):
    """Forwards both as branch events. A git host posts to `url`; its signature authenticates it."""

    def __init__(
        self, scope: Construct, construct_id: str, *, hub: Hub, branch_events: BranchEvents
    ) -> None:
        super().__init__(scope, construct_id)
        intake = PythonFunction(
            self,
            "Intake",
            suffix=hub.suffix,
            name=NAME,
            description="Turns notifications of the git host into branch events",
            source=hub_source("intake"),
            environment=BranchIntakeSettings(
                git_host=hub.git_host,
                repository=hub.source.repository,
                hub_secret_arn=hub.secret.secret.secret_arn,
                branch_table_name=hub.registry.table.table_name,
                event_bus_name=branch_events.bus.event_bus_name,
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
        # Open to the internet: a git host signs its webhooks and has no AWS identity.
        self.url = self.function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE).url
        if (pattern := hub.source.change_events(Stack.of(self))) is not None:
            self._receive(pattern, hub, branch_events)

    def _receive(self, pattern: events.EventPattern, hub: Hub, branch_events: BranchEvents) -> None:
        events.Rule(
            self,
            RULE_ID,
            rule_name=hub.suffix.physical_name(f"branch-{hub.source.kind}"),
            description=f"Branches of {hub.source.repository} that are created, moved or deleted",
            event_pattern=pattern,
            targets=[
                targets.LambdaFunction(self.function, dead_letter_queue=branch_events.dead_letters)
            ],
        )
