"""Retries a failed stage once if its error is a known transient one."""

from typing import Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from branch_hub.functions.pipeline_retry.build_log import GROUPS, STREAMS
from branch_hub.functions.pipeline_retry.settings import PipelineRetrySettings
from branch_hub.infrastructure.bus import BranchEvents
from branch_hub.infrastructure.hub import Hub, allow, hub_source
from infra.python_function import PythonFunction

NAME: Final = "pipeline-retry"
PIPELINES: Final = "transaction-pipeline-"
TIMEOUT_SECONDS: Final = 60


class PipelineRetry(Construct):
    """Serves all `transaction-pipeline-*` pipelines of the account and region. Their names hold no
    repository: docs/aws.md allows one repository per account and region."""

    def __init__(
        self, scope: Construct, construct_id: str, *, hub: Hub, branch_events: BranchEvents
    ) -> None:
        super().__init__(scope, construct_id)
        retry = PythonFunction(
            self,
            "Retry",
            suffix=hub.suffix,
            name=NAME,
            description="Retries a failed stage once when its error is known to be transient",
            source=hub_source("pipeline_retry"),
            environment=PipelineRetrySettings(
                branch_table_name=hub.registry.table.table_name
            ).to_env(),
            timeout_seconds=TIMEOUT_SECONDS,
            key=hub.key,
        )
        self.function = retry.function
        hub.registry.grant(self.function, "dynamodb:PutItem")
        pipelines = Stack.of(self).format_arn(service="codepipeline", resource=f"{PIPELINES}*")
        allow(self.function, ["codepipeline:ListActionExecutions"], pipelines)
        allow(self.function, ["codepipeline:RetryStageExecution"], f"{pipelines}/*")
        streams = f"log-group:{GROUPS}{PIPELINES}*:log-stream:{STREAMS}*"
        allow(
            self.function,
            ["logs:GetLogEvents"],
            Stack.of(self).format_arn(
                service="logs", resource=streams, arn_format=ArnFormat.NO_RESOURCE_NAME
            ),
        )
        events.Rule(
            self,
            "Failed",
            rule_name=hub.suffix.physical_name("pipeline-stage-failed"),
            description="A stage of one of our pipelines failed",
            event_pattern=events.EventPattern(
                source=["aws.codepipeline"],
                detail_type=["CodePipeline Stage Execution State Change"],
                detail={"pipeline": [{"prefix": PIPELINES}], "state": ["FAILED"]},
            ),
            targets=[
                targets.LambdaFunction(self.function, dead_letter_queue=branch_events.dead_letters)
            ],
        )
