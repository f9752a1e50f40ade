"""Synthesizes the app as a branch or as the trunk: together every stack, in every configuration."""

import json
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk

import app as app_module
from checks.assembly import StackTemplate, stack_templates

ROOT: Final = Path(__file__).resolve().parent.parent
# The two contexts use the two kinds of source.
BRANCH: Final[dict[str, Any]] = {"branch": "feature/x", "hub": "also", "notices": "hub"}
# With all optional settings.
TRUNK: Final[dict[str, Any]] = {
    "source": {
        "kind": "github",
        "repository": "acme/ledger",
        "connectionArn": "arn:aws:codeconnections:us-east-1:111111111111:connection/0a1b",
    },
    "alarmEmail": "ops@example.com",
    "faultInjection": {"staging": True, "production": True},
    "domains": {
        "production": {
            "name": "pay.example.com",
            "certificateArn": "arn:aws:acm:us-east-1:111111111111:certificate/0a1b",
        }
    },
}


def synthesize(folder: Path, *, extra: dict[str, Any]) -> list[StackTemplate]:
    """Synthesize the app with `extra` context over cdk.json, without bundling functions."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(
        outdir=str(folder),
        context={**context, "aws:cdk:bundling-stacks": [], **extra},
        analytics_reporting=False,
    )
    app_module.build(app)
    app.synth()
    return list(stack_templates(folder))
