"""Values that the constructs of one hub share."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from branch_hub.functions.shared.account_quotas import Needs
from branch_hub.functions.shared.lifecycle_settings import NO_SCHEDULE
from branch_hub.infrastructure.host_secret import HostSecret
from branch_hub.infrastructure.registry import Registry
from infra.lambda_code import LambdaSource
from infra.naming import EnvironmentSuffix
from lambda_src.shared.branch_suffix import HASH_LENGTH, suffix_of_branch
from pipeline.branch_limits import BranchLimits
from pipeline.branch_settings import BranchSettings
from pipeline.promotion import RESERVED_SUFFIXES
from pipeline.sources.source import Source

CREATE: Final = "branch-create"
DESTROY: Final = "branch-destroy"
SLEEP: Final = "branch-sleep"
WAKE: Final = "branch-wake"
# Each execution of one of these may hold the lock of an environment.
MACHINES: Final = (CREATE, DESTROY, SLEEP, WAKE)
# Matches the suffix of every branch, but not those of staging and production.
ANY_BRANCH: Final = f"*-{'?' * HASH_LENGTH}"


@dataclass(frozen=True, kw_only=True)
class Hub:
    """Passed to every construct of a hub; creates no resource itself."""

    suffix: EnvironmentSuffix
    key: kms.IKey
    source: Source
    trunk: str
    branches: BranchSettings
    trunk_needs: Mapping[str, Needs]  # by suffix
    registry: Registry
    secret: HostSecret

    @property
    def limits(self) -> BranchLimits:
        return BranchLimits(hub=self.suffix)

    @property
    def kept(self) -> tuple[str, ...]:
        """Suffixes of the trunk and its environments, which no branch and no teardown may touch."""
        return (*RESERVED_SUFFIXES, suffix_of_branch(self.trunk))

    @property
    def git_host(self) -> str:
        """The settings with which functions connect to the git host."""
        return json.dumps(self.source.host_settings())

    @property
    def protected_branches(self) -> str:
        return json.dumps([*self.branches.protected])

    @property
    def sleeps_until(self) -> str:
        """When environments wake, for people."""
        return NO_SCHEDULE if self.branches.sleep is None else self.branches.sleep.wakes

    def grant_execution_status(self, grantee: iam.IGrantable, stack: Stack) -> None:
        """Allow checking whether the holder of a lock is still running."""
        executions = (
            stack.format_arn(
                service="states",
                resource="execution",
                resource_name=f"{self.suffix.physical_name(machine)}:*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for machine in MACHINES
        )
        allow(grantee, ["states:DescribeExecution"], *executions)

    def grant_branch_list(self, grantee: iam.IGrantable, stack: Stack) -> None:
        """Allow listing the branches of the git host, with the token or with the role."""
        self.secret.grant_read(grantee)
        for statement in self.source.may_list_branches(stack):
            grantee.grant_principal.add_to_principal_policy(statement)


def hub_source(folder: str) -> LambdaSource:
    """The function in `branch_hub/functions/{folder}`."""
    return LambdaSource(module=f"branch_hub.functions.{folder}.entrypoint")


def allow(grantee: iam.IGrantable, actions: list[str], *resources: str) -> None:
    grantee.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(actions=actions, resources=[*resources])
    )
