"""The lifecycle function: decides on creation and deletion, and holds locks."""

import json
from typing import Final

from aws_cdk import Stack
from constructs import Construct

from branch_hub.functions.shared.account_use import READS
from branch_hub.functions.shared.lifecycle_settings import BranchLifecycleSettings
from branch_hub.functions.shared.pipeline_runs import PIPELINE
from branch_hub.functions.shared.stacks import STACKS
from branch_hub.infrastructure.environment_needs import BRANCH_NEEDS
from branch_hub.infrastructure.hub import ANY_BRANCH, Hub, allow, hub_source
from infra.python_function import PythonFunction

NAME: Final = "branch-lifecycle"
TIMEOUT_SECONDS: Final = 60


class Lifecycle(Construct):
    """Keeps quota, locks and expiry in the registry. The state machines call `function`."""

    def __init__(self, scope: Construct, construct_id: str, *, hub: Hub) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        lifecycle = PythonFunction(
            self,
            "Lifecycle",
            suffix=hub.suffix,
            name=NAME,
            description="Decides on creating and deleting environments, and records them",
            source=hub_source("lifecycle"),
            environment=BranchLifecycleSettings(
                git_host=hub.git_host,
                repository=hub.source.repository,
                hub_secret_arn=hub.secret.secret.secret_arn,
                branch_table_name=hub.registry.table.table_name,
                trunk=hub.trunk,
                protected_branches=hub.protected_branches,
                environment_quota=hub.branches.quota,
                branch_needs=json.dumps(BRANCH_NEEDS),
                trunk_needs=json.dumps(hub.trunk_needs),
                lifetime_days=hub.branches.lifetime_days,
                sleeps_until=hub.sleeps_until,
            ).to_env(),
            timeout_seconds=TIMEOUT_SECONDS,
            key=hub.key,
            # The SDK's model of EC2 is large: with less memory its first call takes seconds.
            memory_mib=512,
        )
        self.function = lifecycle.function
        hub.grant_branch_list(self.function, stack)
        hub.registry.grant(
            self.function,
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:Scan",
            "dynamodb:UpdateItem",
        )
        allow(
            self.function,
            ["cloudformation:DescribeStacks"],
            *(
                stack.format_arn(
                    service="cloudformation",
                    resource="stack",
                    resource_name=f"{base}-{ANY_BRANCH}/*",
                )
                for base in STACKS
            ),
        )
        hub.grant_execution_status(self.function, stack)
        # An environment does not fall asleep while a run deploys or tests it.
        allow(
            self.function,
            ["codepipeline:ListPipelineExecutions"],
            stack.format_arn(service="codepipeline", resource=f"{PIPELINE}-{ANY_BRANCH}"),
        )
        # AWS lists all experiments and templates of the account, or none.
        allow(self.function, ["fis:ListExperiments", "fis:ListExperimentTemplates", *READS], "*")
