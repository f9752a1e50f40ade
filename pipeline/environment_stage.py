"""The unit that a pipeline deploys: one environment."""

from aws_cdk import CfnOutput, Environment, Stage
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.naming import EnvironmentSuffix
from infra.transaction_stack import TransactionStack


class EnvironmentStage(Stage):
    """One environment's stack, deployed and tested as one. `outputs` are the stack's."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: EnvironmentConfig,
        env: Environment,
    ) -> None:
        super().__init__(scope, construct_id, env=env)
        self.outputs: dict[str, CfnOutput] = TransactionStack(
            self, "Transaction", suffix=suffix, config=config
        ).outputs
