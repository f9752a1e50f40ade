"""The reaction of a pipeline to a failed stage, and the timeout of approvals."""

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import aws_codepipeline as codepipeline

from pipeline.promotion import Promotion

# After a failed first deployment the stack can only be deleted. Until then every change set for it
# fails.
_REPLACE: Final = "REPLACE_ON_FAILURE"

# Deploys the last successful run again: smoke tests find errors that the service's alarms do not.
_ROLLBACK: Final[Mapping[str, Any]] = {"Result": "ROLLBACK"}


def on_failure(promotions: tuple[Promotion, ...]) -> dict[str, Mapping[str, Any]]:
    """Return the failure action by stage name. The failure of any other stage stops the run.

    CodePipeline's own retry would repeat every failure. The hub retries known transient errors
    once: `branch_hub/infrastructure/pipeline_retry.py`.
    """
    return {p.stage: _ROLLBACK for p in promotions if p.needs_approval}


def apply_failure_policy(
    pipeline: codepipeline.Pipeline,
    *,
    promotions: tuple[Promotion, ...],
    approval: str,
    timeout_minutes: int,
) -> None:
    """Call after the pipeline is built: CDK has no parameters for these properties."""
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
    """Call after the pipeline is built: CDK Pipelines has no parameter for this action mode.

    CodePipeline then deletes a failed stack and creates it again; it updates all other stacks.
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
