"""The interface of a source for the pipeline and the branch hub."""

from typing import Any, ClassVar, Protocol, Self

from aws_cdk import Stack, pipelines
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct


class Source(Protocol):
    """One class for each kind of git host; `choice.py` lists them."""

    kind: ClassVar[str]

    @property
    def repository(self) -> str:
        """The repository's name at the host: owner/name at GitHub."""
        ...

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Self:
        """Read the `source` key of cdk.json. Raises ConfigurationError."""
        ...

    def to_json(self) -> dict[str, str]:
        """Return the fields that `parse` reads."""
        ...

    # Of a branch's pipeline.

    def bind(self, scope: Construct, *, branch: str) -> pipelines.CodePipelineSource: ...

    def triggers(self, *, branch: str) -> list[dict[str, Any]]:
        """The pipeline's triggers; None if `bind` creates the rule that starts it."""
        ...

    def permissions(self) -> list[iam.PolicyStatement]:
        """Permissions that the pipeline's role needs besides those that CDK adds."""
        ...

    def build_permissions(self) -> list[iam.PolicyStatement]:
        """Permissions with which a build of the pipeline reads its source."""
        ...

    def check_branch(self, *, branch: str) -> list[str]:
        """Shell commands that fail if the branch does not exist at that moment."""
        ...

    def check_environment(self) -> dict[str, Any]:
        """The part of a build specification that `check_branch` needs."""
        ...

    def check_permissions(self, stack: Stack) -> list[iam.PolicyStatement]:
        """Permissions that `check_branch` needs besides `build_permissions`."""
        ...

    # Of the branch hub.

    def build_source(self, stack: Stack) -> dict[str, Any]:
        """The source of a build that no pipeline starts, in CloudFormation's form."""
        ...

    def may_clone(self, stack: Stack) -> list[iam.PolicyStatement]:
        """Permissions with which such a build clones."""
        ...

    def host_settings(self) -> dict[str, str]:
        """Settings for the host of the same kind in `branch_hub/git_hosts/`, with `kind`."""
        ...

    def may_list_branches(self, stack: Stack) -> list[iam.PolicyStatement]:
        """Permissions with which functions list branches and read their last commits."""
        ...

    def change_events(self, stack: Stack) -> events.EventPattern | None:
        """Events of the account's default bus that report changed branches; None: webhooks do."""
        ...
