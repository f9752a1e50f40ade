"""What the parts of one hub share, and what its functions are made of."""

import json
from dataclasses import dataclass
from typing import Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from branch_hub.infrastructure.branch_settings import BranchSettings
from branch_hub.infrastructure.host_secret import HostSecret
from branch_hub.infrastructure.registry import Registry
from infra.lambda_code import LambdaSource
from infra.naming import EnvironmentSuffix
from pipeline.sources.choice import Source
from pipeline.sources.github import GITHUB_API_URL, GitHubSource

CREATE: Final = "branch-create"
DESTROY: Final = "branch-destroy"
# Every suffix of a branch ends like this; staging and production do not.
ANY_BRANCH: Final = "*-??????"


@dataclass(frozen=True, kw_only=True)
class Hub:
    """Handed to every part of a hub; it makes nothing by itself."""

    suffix: EnvironmentSuffix
    key: kms.IKey
    source: Source
    trunk: str
    branches: BranchSettings
    registry: Registry
    secret: HostSecret

    @property
    def github_api_url(self) -> str:
        """Where GitHub answers; with another host nobody asks there."""
        return self.source.api_url if isinstance(self.source, GitHubSource) else GITHUB_API_URL

    @property
    def protected_branches(self) -> str:
        return json.dumps([*self.branches.protected])

    def let_see_who_runs(self, grantee: iam.IGrantable, stack: Stack) -> None:
        """Allow asking whether the holder of a lock still runs."""
        executions = (
            stack.format_arn(
                service="states",
                resource="execution",
                resource_name=f"{self.suffix.physical_name(machine)}:*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for machine in (CREATE, DESTROY)
        )
        allow(grantee, ["states:DescribeExecution"], *executions)

    def let_ask_for_branches(self, grantee: iam.IGrantable, stack: Stack) -> None:
        """Allow asking the host which branches there are: with the token, or as the role."""
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
