"""What a pipeline does by itself when a stage fails, and when nobody answers."""

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import aws_codepipeline as codepipeline

from pipeline.promotion import Promotion

# A first deployment that failed leaves a stack that can only be deleted. A change set fails on it,
# push after push, until someone deletes it.
_REPLACE: Final = "REPLACE_ON_FAILURE"

# Deploys the last good run again: the service's own alarms cannot see what the smoke tests see.
_ROLLBACK: Final[Mapping[str, Any]] = {"Result": "ROLLBACK"}


def on_failure(promotions: tuple[Promotion, ...]) -> dict[str, Mapping[str, Any]]:
    """By the name of a stage: what happens when it fails. All others stop the run.

    CodePipeline's own retry takes every failure for one that passes. What is known to pass is
    tried once more by the hub: `branch_hub/infrastructure/pipeline_retry.py`.
    """
    return {p.stage: _ROLLBACK for p in promotions if p.needs_approval}


def apply_failure_policy(
    pipeline: codepipeline.Pipeline,
    *,
    promotions: tuple[Promotion, ...],
    approval: str,
    timeout_minutes: int,
) -> None:
    """Call when the pipeline is built: CDK has no words for these properties."""
    definition = pipeline.node.default_child
    assert isinstance(definition, codepipeline.CfnPipeline), "CDK calls the definition Resource"
    policy = on_failure(promotions)
    for place, stage in enumerate(pipeline.stages):
        if stage.stage_name in policy:
            definition.add_property_override(f"Stages.{place}.OnFailure", policy[stage.stage_name])
        for order, action in enumerate(stage.actions):
            if action.action_properties.action_name == approval:
                definition.add_property_override(
                    f"Stages.{place}.Actions.{order}.TimeoutInMinutes", timeout_minutes
                )


def replace_on_failure(
    pipeline: codepipeline.Pipeline, *, promotions: tuple[Promotion, ...]
) -> None:
    """Call when the pipeline is built: CDK Pipelines has no word for this mode of its action.

    CodePipeline then deletes a stack in a failed state and makes it anew; others it updates.
    """
    definition = pipeline.node.default_child
    assert isinstance(definition, codepipeline.CfnPipeline), "CDK calls the definition Resource"
    replaced = {p.stage for p in promotions if p.may_be_replaced}
    for place, stage in enumerate(pipeline.stages):
        for order, action in enumerate(stage.actions if stage.stage_name in replaced else []):
            if action.action_properties.provider == "CloudFormation":
                definition.add_property_override(
                    f"Stages.{place}.Actions.{order}.Configuration.ActionMode", _REPLACE
                )
