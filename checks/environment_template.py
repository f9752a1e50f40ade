"""The template of an environment, from which pictures and tables are generated."""

import json
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk

from infra.config import EnvironmentConfig
from infra.naming import EnvironmentSuffix
from infra.transaction_stack import TransactionStack

ROOT: Final = Path(__file__).resolve().parent.parent
SUFFIX: Final = "dev"


def environment_template(config: EnvironmentConfig) -> dict[str, Any]:
    """Synthesize `config` as environment `dev`, without bundling functions."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context={**context, "aws:cdk:bundling-stacks": []}, analytics_reporting=False)
    stack = TransactionStack(app, "Transaction", suffix=EnvironmentSuffix(SUFFIX), config=config)
    template: dict[str, Any] = app.synth().get_stack_by_name(stack.stack_name).template
    return template
