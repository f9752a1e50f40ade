"""Webhook intake, lifecycle decisions, create and delete state machines."""

from typing import Final

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from branch_hub.events import Reason
from branch_hub.infrastructure.asset_collector import AssetCollector
from branch_hub.infrastructure.branch_roles import BranchRoles
from branch_hub.infrastructure.bus import BranchEvents
from branch_hub.infrastructure.create_machine import CreateMachine
from branch_hub.infrastructure.destroy_machine import DestroyMachine
from branch_hub.infrastructure.environment_needs import trunk_needs
from branch_hub.infrastructure.host_secret import HostSecret
from branch_hub.infrastructure.hub import CREATE, DESTROY, SLEEP, WAKE, Hub
from branch_hub.infrastructure.hub_alarms import HubAlarms
from branch_hub.infrastructure.hub_key import hub_key
from branch_hub.infrastructure.intake import Intake
from branch_hub.infrastructure.lifecycle import Lifecycle
from branch_hub.infrastructure.notices import Notices
from branch_hub.infrastructure.pipeline_builds import PipelineBuilds
from branch_hub.infrastructure.pipeline_retry import PipelineRetry
from branch_hub.infrastructure.reconciler import Reconciler
from branch_hub.infrastructure.registry import Registry
from branch_hub.infrastructure.sleep_machines import TO_SLEEP, TO_WAKE, SleepWakeMachine
from branch_hub.infrastructure.sleep_schedule import NAME as SLEEP_SCHEDULE
from branch_hub.infrastructure.sleep_schedule import SleepScheduler
from branch_hub.infrastructure.sleep_steps import SleepSteps
from branch_hub.infrastructure.teardown import Teardown
from branch_hub.infrastructure.wake_on_run import wake_on_runs
from infra.naming import APPLICATION
from lambda_src.shared.stack_tags import HUB_TAG
from pipeline.delivery_settings import DeliverySettings
from pipeline.own_pipeline import OwnPipelineCheck

STACK_NAME: Final = "BranchHub"


class BranchHub(Stack):
    """One for each repository."""

    def __init__(self, scope: Construct, *, settings: DeliverySettings) -> None:
        suffix = settings.hub_suffix
        super().__init__(
            scope,
            f"{STACK_NAME}-{suffix}",
            # The same name in a stage: the app and the pipeline deploy the same stack.
            stack_name=f"{STACK_NAME}-{suffix}",
            description=f"Creates and deletes the environments of {settings.source.repository}",
            # No tags of an environment: the teardown must not find this stack.
            tags={"application": APPLICATION, HUB_TAG: str(suffix)},
            env=Environment(account=settings.account, region=settings.region),
        )
        key = hub_key(self, "Key", suffix=suffix)
        notices = Notices(self, "Notices", suffix=suffix, key=key, email=settings.alarm_email)
        branch_events = BranchEvents(self, "Events", suffix=suffix, key=key)
        hub = Hub(
            suffix=suffix,
            key=key,
            source=settings.source,
            trunk=settings.trunk,
            branches=settings.branches,
            trunk_needs=trunk_needs(settings),
            registry=Registry(self, "Registry", suffix=suffix, key=key),
            secret=HostSecret(self, "HostSecret", suffix=suffix, key=key),
        )
        BranchRoles(self, "BranchRoles", hub=hub, settings=settings)
        intake = Intake(self, "Intake", hub=hub, branch_events=branch_events)
        lifecycle = Lifecycle(self, "Lifecycle", hub=hub)
        teardown = Teardown(self, "Teardown", hub=hub)
        reconciler = Reconciler(
            self, "Reconciler", hub=hub, branch_events=branch_events, notices=notices
        )
        collector = AssetCollector(
            self, "Assets", hub=hub, branch_events=branch_events, notices=notices
        )
        retry = PipelineRetry(self, "PipelineRetry", hub=hub, branch_events=branch_events)
        builds = PipelineBuilds(
            self,
            "Pipelines",
            hub=hub,
            context=settings.branch_context(),
            check=OwnPipelineCheck(
                source=settings.source, account=settings.account, region=settings.region
            ),
        )
        sleep_steps = SleepSteps(self, "SleepSteps", hub=hub)
        sleep, wake = (
            SleepWakeMachine(
                self,
                construct_id,
                hub=hub,
                direction=direction,
                lifecycle=lifecycle.function,
                sleep_steps=sleep_steps.function,
                notices=notices,
            ).machine
            for construct_id, direction in (("Sleep", TO_SLEEP), ("Wake", TO_WAKE))
        )
        wake_on_runs(self, "Runs", hub=hub, wake=wake, branch_events=branch_events)
        create = CreateMachine(
            self,
            "Create",
            hub=hub,
            lifecycle=lifecycle.function,
            builds=builds.project,
            wake=wake,
            notices=notices,
        )
        destroy = DestroyMachine(
            self,
            "Destroy",
            hub=hub,
            lifecycle=lifecycle.function,
            teardown=teardown.function,
            sleep_steps=sleep_steps.function,
            notices=notices,
        )
        branch_events.start("Pushed", create.machine, name="branch-pushed", on=(Reason.PUSHED,))
        branch_events.start(
            "Gone",
            destroy.machine,
            name="branch-gone",
            on=(Reason.DELETED, Reason.EXPIRED, Reason.ORPHANED),
        )
        schedules = {}
        if hub.branches.sleep is not None:
            schedules[SLEEP_SCHEDULE] = SleepScheduler(
                self,
                "SleepScheduler",
                hub=hub,
                schedule=hub.branches.sleep,
                machines={TO_SLEEP.claimed: sleep, TO_WAKE.claimed: wake},
                branch_events=branch_events,
            ).function
        HubAlarms(
            self,
            "Alarms",
            suffix=suffix,
            machines={
                CREATE: create.machine,
                DESTROY: destroy.machine,
                SLEEP: sleep,
                WAKE: wake,
            },
            functions={
                "branch-intake": intake.function,
                "branch-reconciler": reconciler.function,
                "pipeline-retry": retry.function,
                "asset-collector": collector.function,
                **schedules,
            },
            webhook=("branch-intake", intake.function),
            dead_letters=branch_events.dead_letters,
            notices=notices,
        )
        for name, value in {
            "WebhookUrl": intake.url,
            "WebhookSecretName": hub.secret.name,
            "BranchEventBusName": branch_events.bus.event_bus_name,
            "BranchTableName": hub.registry.table.table_name,
            "CreateStateMachineArn": create.machine.state_machine_arn,
            "DestroyStateMachineArn": destroy.machine.state_machine_arn,
            "SleepStateMachineArn": sleep.state_machine_arn,
            "WakeStateMachineArn": wake.state_machine_arn,
            "ReconcilerFunctionName": reconciler.function.function_name,
            "NoticesTopicArn": notices.topic.topic_arn,
        }.items():
            CfnOutput(self, name, value=value)
