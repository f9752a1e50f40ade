"""The teardown function, and its limits: never staging, production or foreign stacks."""

from typing import Final

from aws_cdk import Stack
from constructs import Construct

from branch_hub.functions.teardown.settings import BranchTeardownSettings
from branch_hub.infrastructure.hub import Hub, hub_source
from branch_hub.infrastructure.teardown_permissions import teardown_permissions
from infra.python_function import PythonFunction

NAME: Final = "branch-teardown"
# Emptying a bucket takes longest; the next call continues it.
TIMEOUT_SECONDS: Final = 600
MEMORY_MIB: Final = 512


class Teardown(Construct):
    """Stops, finds, deletes, unblocks, sweeps or verifies: one action per call."""

    def __init__(self, scope: Construct, construct_id: str, *, hub: Hub) -> None:
        super().__init__(scope, construct_id)
        teardown = PythonFunction(
            self,
            "Teardown",
            suffix=hub.suffix,
            name=NAME,
            description="Deletes one environment, step by step",
            source=hub_source("teardown"),
            environment=BranchTeardownSettings(
                repository=hub.source.repository,
                trunk=hub.trunk,
            ).to_env(),
            timeout_seconds=TIMEOUT_SECONDS,
            memory_mib=MEMORY_MIB,
            key=hub.key,
        )
        self.function = teardown.function
        for statement in teardown_permissions(Stack.of(self), hub=hub):
            teardown.role.add_to_policy(statement)
