"""Where the code comes from: a GitHub connection or CodeCommit, as `source` in cdk.json says."""

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from aws_cdk import Stack, pipelines
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.errors import ConfigurationError

ACTION_NAME: Final = "Source"

_GITHUB_REPOSITORY: Final = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
_CODECOMMIT_REPOSITORY: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_CONNECTION: Final = re.compile(
    r"arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/\S+"
)


@dataclass(frozen=True, kw_only=True)
class GitHubSource:
    """A repository at GitHub, reached through a connection that a person has authorised."""

    kind: ClassVar[str] = "github"
    repository: str
    connection_arn: str

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Self:
        return cls(
            repository=_text(fields, "repository", _GITHUB_REPOSITORY, "owner/name"),
            connection_arn=_text(
                fields, "connectionArn", _CONNECTION, "the ARN of a CodeConnections connection"
            ),
        )

    def to_json(self) -> dict[str, str]:
        return {
            "kind": self.kind,
            "repository": self.repository,
            "connectionArn": self.connection_arn,
        }

    def bind(self, scope: Construct, *, branch: str) -> pipelines.CodePipelineSource:  # noqa: ARG002
        return pipelines.CodePipelineSource.connection(
            self.repository,
            branch,
            connection_arn=self.connection_arn,
            trigger_on_push=True,
            action_name=ACTION_NAME,
        )

    def triggers(self, *, branch: str) -> list[dict[str, Any]]:
        """What starts the pipeline: pushes to this branch, whatever else the connection reports."""
        push = {"Branches": {"Includes": [branch]}}
        return [
            {
                "ProviderType": "CodeStarSourceConnection",
                "GitConfiguration": {"SourceActionName": ACTION_NAME, "Push": [push]},
            }
        ]

    def check_branch(self, *, branch: str) -> list[str]:  # noqa: ARG002
        """Nothing: a build gets the commit as a zip, without a way to ask the connection.

        A branch that is gone ends the run at its source action; one that goes later is ended by
        whoever unmakes the branch.
        """
        return []

    def build_permissions(self, stack: Stack) -> list[iam.PolicyStatement]:  # noqa: ARG002
        return []

    def permissions(self) -> list[iam.PolicyStatement]:
        """What the pipeline's role needs besides what CDK gives it."""
        # CDK knows the older of the two names that the service's actions have.
        return [
            iam.PolicyStatement(
                actions=[
                    "codeconnections:UseConnection",
                    "codestar-connections:UseConnection",
                ],
                resources=[self.connection_arn],
            )
        ]


@dataclass(frozen=True, kw_only=True)
class CodeCommitSource:
    """A repository in the account and region of the pipeline; its events start the pipeline."""

    kind: ClassVar[str] = "codecommit"
    repository: str

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Self:
        return cls(
            repository=_text(
                fields, "repository", _CODECOMMIT_REPOSITORY, "1 to 100 of A-Z a-z 0-9 . _ -"
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
        """None: the event rule that `bind` makes starts the pipeline, for its branch alone."""
        return []

    def check_branch(self, *, branch: str) -> list[str]:
        """A command that fails when the branch is gone, by what CodeCommit says at that moment."""
        words = [
            *("aws", "codecommit", "get-branch", "--output", "text"),
            *("--repository-name", self.repository, "--branch-name", branch),
        ]
        return [shlex.join(words)]

    def build_permissions(self, stack: Stack) -> list[iam.PolicyStatement]:
        """What a build needs for `check_branch`."""
        repository = stack.format_arn(service="codecommit", resource=self.repository)
        return [iam.PolicyStatement(actions=["codecommit:GetBranch"], resources=[repository])]

    def permissions(self) -> list[iam.PolicyStatement]:
        return []


Source = GitHubSource | CodeCommitSource
_KINDS: Final[dict[str, type[Source]]] = {
    source.kind: source for source in (GitHubSource, CodeCommitSource)
}


def parse_source(value: object) -> Source:
    """Read the `source` key: an object from cdk.json, or its JSON text from the command line.

    Raises ConfigurationError, which names the key to set.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ConfigurationError(f"source is {value!r}: it must be a JSON object") from None
    if not isinstance(value, dict):
        raise ConfigurationError(f"source is {value!r}: it must be an object with a kind")
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ConfigurationError(f"source.kind is {kind!r}: it must be one of {', '.join(_KINDS)}")
    return _KINDS[kind].parse(value)


def _text(fields: dict[str, Any], name: str, pattern: re.Pattern[str], rule: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ConfigurationError(f"source.{name} is {value!r}: it must be {rule}")
    return value
