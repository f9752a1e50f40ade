"""The asset collector: deletes published assets that no template names any more, once a day."""

from typing import Final

from aws_cdk import DefaultStackSynthesizer, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from branch_hub.functions.asset_collector.revisions import CLUSTER
from branch_hub.functions.asset_collector.settings import AssetCollectorSettings
from branch_hub.functions.teardown.task_definitions import FAMILY
from branch_hub.infrastructure.bus import BranchEvents
from branch_hub.infrastructure.hub import Hub, allow, hub_source
from branch_hub.infrastructure.notices import Notices
from infra.python_function import PythonFunction
from pipeline.artifacts import RETENTION
from pipeline.branch_settings import APPLY

NAME: Final = "asset-collector"
TIMEOUT_SECONDS: Final = 900
MEMORY_MIB: Final = 512


class AssetCollector(Construct):
    """Assets stay as long as artifacts: a rollback of production deploys both again."""

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
        collector = PythonFunction(
            self,
            "Collector",
            suffix=hub.suffix,
            name=NAME,
            description="Deletes published assets that no template names any more",
            source=hub_source("asset_collector"),
            environment=AssetCollectorSettings(
                repository=hub.source.repository,
                branch_table_name=hub.registry.table.table_name,
                notices_topic_arn=notices.topic.topic_arn,
                branch_repository_name=hub.limits.image_repository,
                kept_days=int(RETENTION.to_days()),
            ).to_env(),
            timeout_seconds=TIMEOUT_SECONDS,
            memory_mib=MEMORY_MIB,
            key=hub.key,
        )
        self.function = collector.function
        hub.registry.grant(
            self.function, "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Scan"
        )
        hub.grant_execution_status(self.function, Stack.of(self))
        notices.grant_publish(self.function)
        self._allow_reading()
        self._allow_deleting(hub)
        events.Rule(
            self,
            "Daily",
            rule_name=hub.suffix.physical_name("asset-collect-daily"),
            description="Finds published assets that no template names",
            # At night: nothing is collected while a pipeline runs.
            schedule=events.Schedule.cron(hour="3", minute="40"),
            targets=[
                targets.LambdaFunction(
                    self.function,
                    event=events.RuleTargetInput.from_object(
                        {"apply": hub.branches.collect == APPLY}
                    ),
                    dead_letter_queue=branch_events.dead_letters,
                    max_event_age=Duration.hours(1),
                )
            ],
        )

    def _allow_reading(self) -> None:
        stack = Stack.of(self)
        # Of every stack of the account: an asset that any of them names must stay.
        allow(
            self.function,
            ["cloudformation:GetTemplate", "cloudformation:ListChangeSets"],
            stack.format_arn(service="cloudformation", resource="stack", resource_name="*/*"),
        )
        allow(
            self.function,
            ["codepipeline:ListPipelineExecutions"],
            stack.format_arn(service="codepipeline", resource="transaction-pipeline-*"),
        )
        allow(
            self.function,
            ["ecs:DescribeServices"],
            stack.format_arn(service="ecs", resource="service", resource_name=f"{CLUSTER}-*/*"),
        )
        # AWS has no narrower resource for these.
        allow(
            self.function,
            [
                "cloudformation:DescribeStacks",
                "ecs:DescribeTaskDefinition",
                "ecs:ListTaskDefinitionFamilies",
                "ecs:ListTaskDefinitions",
            ],
            "*",
        )

    def _allow_deleting(self, hub: Hub) -> None:
        """Only in the default bootstrap and in the hub's repository. No version is deleted."""
        stack = Stack.of(self)
        base = f"cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}"
        place = f"{stack.account}-{stack.region}"
        bucket = f"arn:{stack.partition}:s3:::{base}-assets-{place}"
        allow(self.function, ["s3:ListBucket"], bucket)
        allow(self.function, ["s3:DeleteObject"], f"{bucket}/*")
        allow(
            self.function,
            ["ecr:BatchDeleteImage", "ecr:DescribeImages"],
            *(
                stack.format_arn(service="ecr", resource="repository", resource_name=name)
                for name in (f"{base}-container-assets-{place}", hub.limits.image_repository)
            ),
        )
        allow(
            self.function,
            ["ecs:DeleteTaskDefinitions"],
            stack.format_arn(
                service="ecs", resource="task-definition", resource_name=f"{FAMILY}-*:*"
            ),
        )
