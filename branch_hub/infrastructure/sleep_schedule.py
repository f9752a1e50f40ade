"""Starts the machines for sleep each evening and each morning, in the time zone of the setting."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Duration, TimeZone
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from branch_hub.functions.sleep_schedule.schedule import SLEEP, WAKE
from branch_hub.functions.sleep_schedule.settings import BranchSleepScheduleSettings
from branch_hub.infrastructure.bus import BranchEvents
from branch_hub.infrastructure.hub import Hub, allow, hub_source
from infra.encryption import allow_use_through
from infra.python_function import PythonFunction
from pipeline.sleep_schedule import SleepSchedule

NAME: Final = "branch-sleep-schedule"
TIMEOUT_SECONDS: Final = 120


class SleepScheduler(Construct):
    """EventBridge Scheduler follows the time zone, also when its clocks change. A rule of
    EventBridge knows UTC only."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        hub: Hub,
        schedule: SleepSchedule,
        machines: Mapping[str, sfn.IStateMachine],
        branch_events: BranchEvents,
    ) -> None:
        super().__init__(scope, construct_id)
        self._hub, self._schedule, self._branch_events = hub, schedule, branch_events
        started = PythonFunction(
            self,
            "Function",
            suffix=hub.suffix,
            name=NAME,
            description="Starts an execution for each environment that is to sleep or to wake",
            source=hub_source("sleep_schedule"),
            environment=BranchSleepScheduleSettings(
                branch_table_name=hub.registry.table.table_name,
                trunk=hub.trunk,
                sleep_machine_arn=machines[SLEEP].state_machine_arn,
                wake_machine_arn=machines[WAKE].state_machine_arn,
            ).to_env(),
            timeout_seconds=TIMEOUT_SECONDS,
            key=hub.key,
        )
        self.function = started.function
        hub.registry.grant(self.function, "dynamodb:Scan")
        allow(
            self.function,
            ["states:StartExecution"],
            *(machine.state_machine_arn for machine in machines.values()),
        )
        # Of both schedules; its policies are those that the target adds.
        self._role = iam.Role(
            self,
            "Role",
            role_name=hub.suffix.physical_name(f"{NAME}-start-role"),
            assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"),
        )
        # Scheduler sends what it cannot deliver to the encrypted queue with this role.
        allow_use_through(
            "sqs", self._role, hub.key, actions=("kms:Decrypt", "kms:GenerateDataKey")
        )
        self._add("Evening", schedule.evening, SLEEP)
        self._add("Morning", schedule.morning, WAKE)

    def _add(self, construct_id: str, cron: str, direction: str) -> None:
        scheduler.Schedule(
            self,
            construct_id,
            schedule_name=self._hub.suffix.physical_name(f"branch-{direction}"),
            description=f"Environments of branches: {direction}",
            schedule=scheduler.ScheduleExpression.expression(
                cron, TimeZone.of(self._schedule.timezone)
            ),
            key=self._hub.key,
            target=targets.LambdaInvoke(
                self.function,
                input=scheduler.ScheduleTargetInput.from_object({"direction": direction}),
                dead_letter_queue=self._branch_events.dead_letters,
                # Later, an evening's event would put environments to sleep in working hours.
                max_event_age=Duration.hours(1),
                role=self._role,
            ),
        )
