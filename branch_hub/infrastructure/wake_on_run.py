"""Wakes an environment as soon as a run of its own pipeline starts.

The event names the pipeline, so a pipeline wakes its own environment only, and needs no permission
for that. Its build waits until the environment is awake (pipeline/steps/awake.py).
"""

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from branch_hub.infrastructure.bus import BranchEvents
from branch_hub.infrastructure.hub import Hub
from branch_hub.infrastructure.pipeline_retry import PIPELINES


def wake_on_runs(
    scope: Construct,
    construct_id: str,
    *,
    hub: Hub,
    wake: sfn.IStateMachine,
    branch_events: BranchEvents,
) -> None:
    """Start `wake` for each run that starts or is retried. The machine leaves the trunk alone."""
    name = "pipeline-run-started"
    role = iam.Role(
        scope,
        f"{construct_id}Role",
        role_name=hub.suffix.physical_name(f"{name}-role"),
        assumed_by=iam.ServicePrincipal("events.amazonaws.com"),
    )
    events.Rule(
        scope,
        f"{construct_id}Started",
        rule_name=hub.suffix.physical_name(name),
        description="A run of one of our pipelines started: its environment must be awake",
        event_pattern=events.EventPattern(
            source=["aws.codepipeline"],
            detail_type=["CodePipeline Pipeline Execution State Change"],
            detail={"pipeline": [{"prefix": PIPELINES}], "state": ["STARTED", "RESUMED"]},
        ),
        targets=[
            targets.SfnStateMachine(
                wake,
                input=events.RuleTargetInput.from_event_path("$.detail"),
                role=role,
                dead_letter_queue=branch_events.dead_letters,
            )
        ],
    )
