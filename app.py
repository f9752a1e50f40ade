"""Builds the CDK app from its context."""

import json
import sys
from functools import partial
from pathlib import Path

import aws_cdk as cdk

from branch_hub.infrastructure.hub_stack import BranchHub
from branch_hub.infrastructure.hub_stage import HUB_STAGE, HubStage
from infra.errors import ConfigurationError
from pipeline.delivery_pipeline import DeliveryPipeline
from pipeline.delivery_settings import DeliverySettings
from pipeline.tool_versions import Toolchain

HERE = Path(__file__).resolve().parent


def build(app: cdk.App) -> None:
    """Raises ConfigurationError for context that breaks a rule."""
    settings = DeliverySettings.from_context(
        app.node.try_get_context,
        defaults=json.loads((HERE / "cdk.json").read_text())["context"],
    )
    settings.require_production_domain()
    hub_stack = BranchHub(app, settings=settings) if settings.has_hub else None
    if settings.has_pipeline:
        toolchain = Toolchain.pinned_in(HERE / "package.json")
        hub = [partial(HubStage, construct_id=HUB_STAGE, settings=settings)]
        pipeline = DeliveryPipeline(
            app,
            settings=settings,
            toolchain=toolchain,
            first_stages=hub if settings.carries_hub else [],
        )
        if hub_stack and settings.limits:
            pipeline.add_stack_dependency(hub_stack)  # whose roles deploy it


def main() -> None:
    app = cdk.App(analytics_reporting=False)
    try:
        build(app)
    except ConfigurationError as error:
        sys.exit(f"error: {error}")
    app.synth()


if __name__ == "__main__":
    main()
