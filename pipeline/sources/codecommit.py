"""Code in CodeCommit, in the account and region of the pipeline."""

import re
import shlex
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from aws_cdk import Stack, pipelines
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from pipeline.context_values import text_field

ACTION_NAME: Final = "Source"
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, kw_only=True)
class CodeCommitSource:
    """A repository in the account and region of the pipeline; its events start the pipeline."""

    kind: ClassVar[str] = "codecommit"
    repository: str

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Self:
        return cls(
            repository=text_field(
                "source", fields, "repository", _REPOSITORY, "1 to 100 of A-Z a-z 0-9 . _ -"
            )
        )

    def to_json(self) -> dict[str, str]:
        return {"kind": self.kind, "repository": self.repository}

    def bind(self, scope: Construct, *, branch: str) -> pipelines.CodePipelineSource:
        return pipelines.CodePipelineSource.code_commit(
            codecommit.Repository.from_repository_name(scope, "Repository", self.repository),
            branch,
            trigger=actions.CodeCommitTrigger.EVENTS,
            action_name=ACTION_NAME,
        )

    def triggers(self, *, branch: str) -> list[dict[str, Any]]:  # noqa: ARG002
        """None: `bind` creates an event rule that starts the pipeline for its branch only."""
        return []

    def check_branch(self, *, branch: str) -> list[str]:
        words = [
            *("aws", "codecommit", "get-branch", "--output", "text"),
            *("--repository-name", self.repository, "--branch-name", branch),
        ]
        return [shlex.join(words)]

    def check_environment(self) -> dict[str, Any]:
        """Nothing: the build's own role has the permission."""
        return {}

    def check_permissions(self, stack: Stack) -> list[iam.PolicyStatement]:
        return [self._may(stack, "GetBranch")]

    def build_permissions(self) -> list[iam.PolicyStatement]:
        """None: a build receives the commit from the pipeline."""
        return []

    def permissions(self) -> list[iam.PolicyStatement]:
        return []

    def build_source(self, stack: Stack) -> dict[str, Any]:
        address = f"git-codecommit.{stack.region}.{stack.url_suffix}"
        return {"Type": "CODECOMMIT", "Location": f"https://{address}/v1/repos/{self.repository}"}

    def may_clone(self, stack: Stack) -> list[iam.PolicyStatement]:
        return [self._may(stack, "GitPull")]

    def may_list_branches(self, stack: Stack) -> list[iam.PolicyStatement]:
        return [self._may(stack, "GetBranch", "GetCommit", "ListBranches")]

    def host_settings(self) -> dict[str, str]:
        return {"kind": self.kind}

    def change_events(self, stack: Stack) -> events.EventPattern | None:
        return events.EventPattern(
            source=["aws.codecommit"],
            detail_type=["CodeCommit Repository State Change"],
            resources=[stack.format_arn(service="codecommit", resource=self.repository)],
            detail={
                "referenceType": ["branch"],
                "event": ["referenceCreated", "referenceUpdated", "referenceDeleted"],
            },
        )

    def _may(self, stack: Stack, *actions: str) -> iam.PolicyStatement:
        repository = stack.format_arn(service="codecommit", resource=self.repository)
        return iam.PolicyStatement(
            actions=[f"codecommit:{action}" for action in actions], resources=[repository]
        )
