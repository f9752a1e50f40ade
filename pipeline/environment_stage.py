"""The unit that a pipeline deploys: one environment."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Environment, Stage
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.naming import EnvironmentSuffix
from infra.transaction_stack import TransactionStack


class EnvironmentStage(Stage):
    """One environment's stack. `tags` are added to it; `outputs` are its outputs."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: EnvironmentConfig,
        tags: Mapping[str, str],
        env: Environment,
    ) -> None:
        super().__init__(scope, construct_id, env=env)
        stack = TransactionStack(self, "Transaction", suffix=suffix, config=config)
        for key, value in tags.items():
            stack.tags.set_tag(key, value)
        self.outputs: dict[str, CfnOutput] = stack.outputs
