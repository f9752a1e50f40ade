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
        repository: str,
        env: Environment,
    ) -> None:
        super().__init__(scope, construct_id, env=env)
        stack = TransactionStack(self, "Transaction", suffix=suffix, config=config)
        # Two repositories may share an account: neither's hub unmakes what the other made.
        stack.tags.set_tag("repository", repository)
        self.outputs: dict[str, CfnOutput] = stack.outputs
