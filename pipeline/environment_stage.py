"""The unit that a pipeline deploys: one environment."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Environment, Stack, Stage
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.fault_injection import FaultInjection
from infra.naming import EnvironmentSuffix
from infra.transaction_stack import TransactionStack
from pipeline.branch_limits import BranchLimits


class EnvironmentStage(Stage):
    """One environment's stack, and that of its drills if it has them.

    `tags` are added to both; `outputs` are those of the environment. `limits`: those of a branch.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: EnvironmentConfig,
        tags: Mapping[str, str],
        env: Environment,
        limits: BranchLimits | None = None,
    ) -> None:
        super().__init__(scope, construct_id, env=env)
        stack = TransactionStack(
            self,
            "Transaction",
            suffix=suffix,
            config=config,
            synthesizer=limits.synthesizer() if limits else None,
            permissions_boundary=limits.boundary() if limits else None,
        )
        stacks: list[Stack] = [stack]
        if config.has_faults:
            faults = FaultInjection(
                self,
                "FaultInjection",
                suffix=suffix,
                synthesizer=limits.synthesizer() if limits else None,
                permissions_boundary=limits.boundary() if limits else None,
            )
            faults.add_stack_dependency(stack)
            stacks.append(faults)
        for each in stacks:
            if limits:
                limits.place_roles(each)
            for key, value in tags.items():
                each.tags.set_tag(key, value)
        self.outputs: dict[str, CfnOutput] = stack.outputs
