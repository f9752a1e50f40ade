"""The reconciler: compares branches with environments, hourly and on request."""

import json
from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from branch_hub.functions.reconciler.settings import BranchReconcilerSettings
from branch_hub.functions.shared.account_use import READS
from branch_hub.infrastructure.bus import BranchEvents
from branch_hub.infrastructure.environment_needs import BRANCH_NEEDS
from branch_hub.infrastructure.hub import Hub, allow, hub_source
from branch_hub.infrastructure.notices import Notices
from infra.python_function import PythonFunction
from pipeline.branch_settings import APPLY

NAME: Final = "branch-reconciler"
TIMEOUT_SECONDS: Final = 300


class Reconciler(Construct):
    """Reports its plan, or puts it on the bus as events; the machines act on them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        hub: Hub,
        branch_events: BranchEvents,
        notices: Notices,
    ) -> None:
        super().__init__(scope, construct_id)
        reconciler = PythonFunction(
            self,
            "Reconciler",
            suffix=hub.suffix,
            name=NAME,
            description="Compares live branches with environments and their expiry",
            source=hub_source("reconciler"),
            environment=BranchReconcilerSettings(
                git_host=hub.git_host,
                repository=hub.source.repository,
                hub_secret_arn=hub.secret.secret.secret_arn,
                branch_table_name=hub.registry.table.table_name,
                event_bus_name=branch_events.bus.event_bus_name,
                notices_topic_arn=notices.topic.topic_arn,
                trunk=hub.trunk,
                protected_branches=hub.protected_branches,
                environment_quota=hub.branches.quota,
                branch_needs=json.dumps(BRANCH_NEEDS),
                trunk_needs=json.dumps(hub.trunk_needs),
                lifetime_days=hub.branches.lifetime_days,
                sleeps_until=hub.sleeps_until,
            ).to_env(),
            timeout_seconds=TIMEOUT_SECONDS,
            key=hub.key,
            # The SDK's model of EC2 is large: with less memory its first call takes seconds.
            memory_mib=512,
        )
        self.function = reconciler.function
        hub.grant_branch_list(self.function, Stack.of(self))
        hub.registry.grant(
            self.function, "dynamodb:GetItem", "dynamodb:Scan", "dynamodb:UpdateItem"
        )
        hub.grant_execution_status(self.function, Stack.of(self))
        branch_events.grant_put(self.function)
        notices.grant_publish(self.function)
        # AWS asks for all resources when stacks are listed without a name.
        allow(self.function, ["cloudformation:DescribeStacks", *READS], "*")
        self._every_hour(hub, branch_events)

    def _every_hour(self, hub: Hub, branch_events: BranchEvents) -> None:
        events.Rule(
            self,
            "Hourly",
            rule_name=hub.suffix.physical_name("branch-reconcile-hourly"),
            description="Finds within the hour what events missed",
            schedule=events.Schedule.rate(Duration.hours(1)),
            targets=[
                targets.LambdaFunction(
                    self.function,
                    event=events.RuleTargetInput.from_object(
                        {"apply": hub.branches.reconcile == APPLY}
                    ),
                    dead_letter_queue=branch_events.dead_letters,
                )
            ],
        )
