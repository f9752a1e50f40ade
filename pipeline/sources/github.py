"""Code at GitHub, or at an enterprise's own GitHub, reached through a connection."""

import re
import shlex
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from aws_cdk import Stack, pipelines
from aws_cdk import aws_iam as iam
from constructs import Construct

from pipeline.sources.fields import text_field

ACTION_NAME: Final = "Source"
GITHUB_API_URL: Final = "https://api.github.com"

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
_CONNECTION: Final = re.compile(
    r"arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/\S+"
)
# Plain HTTP only to this machine: a token travels with every question.
_API_URL: Final = re.compile(
    r"(https://[A-Za-z0-9.-]+(:\d{1,5})?|http://(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost)(:\d{1,5})?)"
    r"(/[A-Za-z0-9._~-]+)*"
)


@dataclass(frozen=True, kw_only=True)
class GitHubSource:
    """A repository at GitHub, reached through a connection that a person has authorised."""

    kind: ClassVar[str] = "github"
    repository: str
    connection_arn: str
    api_url: str = GITHUB_API_URL

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Self:
        return cls(
            repository=text_field(fields, "repository", _REPOSITORY, "owner/name"),
            connection_arn=text_field(
                fields, "connectionArn", _CONNECTION, "the ARN of a CodeConnections connection"
            ),
            api_url=text_field(
                {"apiUrl": GITHUB_API_URL, **fields},
                "apiUrl",
                _API_URL,
                "an https address without a slash at the end, like https://github.example.com/api/v3",
            ),
        )

    def to_json(self) -> dict[str, str]:
        said = {
            "kind": self.kind,
            "repository": self.repository,
            "connectionArn": self.connection_arn,
        }
        return said if self.api_url == GITHUB_API_URL else {**said, "apiUrl": self.api_url}

    def bind(self, scope: Construct, *, branch: str) -> pipelines.CodePipelineSource:  # noqa: ARG002
        return pipelines.CodePipelineSource.connection(
            self.repository,
            branch,
            connection_arn=self.connection_arn,
            trigger_on_push=True,
            # Builds clone with the connection's credentials, so that they can ask for the branch.
            code_build_clone_output=True,
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

    def check_branch(self, *, branch: str) -> list[str]:
        """A command that fails when the branch is gone, by what the host says at that moment."""
        # The whole ref: a name alone also finds every branch that ends in a slash and that name.
        ref = f"refs/heads/{branch}"
        return [shlex.join(["git", "ls-remote", "--exit-code", "--heads", "origin", ref])]

    def check_environment(self) -> dict[str, Any]:
        """The part of a build specification that lends `check_branch` the connection."""
        return {"env": {"git-credential-helper": "yes"}}

    def check_permissions(self, stack: Stack) -> list[iam.PolicyStatement]:  # noqa: ARG002
        """None besides the clone's."""
        return []

    def build_permissions(self) -> list[iam.PolicyStatement]:
        """What a build needs to clone what the pipeline hands on."""
        return [self._may("UseConnection")]

    def permissions(self) -> list[iam.PolicyStatement]:
        """What the pipeline's role needs besides what CDK gives it."""
        return [self._may("UseConnection")]

    def build_source(self, stack: Stack) -> dict[str, Any]:  # noqa: ARG002
        """The source of a build that no pipeline starts, as CloudFormation has it."""
        host = urlsplit(self.api_url)
        # Where its API is not, the web address of a GitHub is that of its API without the path.
        is_public = host.hostname == "api.github.com"
        web = f"{host.scheme}://{host.netloc.removeprefix('api.')}"
        return {
            "Type": "GITHUB" if is_public else "GITHUB_ENTERPRISE",
            "Location": f"{web}/{self.repository}.git",
            "Auth": {"Type": "CODECONNECTIONS", "Resource": self.connection_arn},
        }

    def may_clone(self, stack: Stack) -> list[iam.PolicyStatement]:  # noqa: ARG002
        """What such a build needs: CodeBuild takes a token from the connection."""
        return [self._may("GetConnection", "GetConnectionToken", "UseConnection")]

    def may_list_branches(self, stack: Stack) -> list[iam.PolicyStatement]:  # noqa: ARG002
        """None: whoever asks GitHub has a token."""
        return []

    def _may(self, *actions: str) -> iam.PolicyStatement:
        """Each of the service's actions has two names; CDK knows the older one."""
        return iam.PolicyStatement(
            actions=[
                f"{service}:{action}"
                for service in ("codeconnections", "codestar-connections")
                for action in actions
            ],
            resources=[self.connection_arn],
        )
