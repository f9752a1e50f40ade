"""Code at GitHub or GitHub Enterprise, read through a connection."""

import re
import shlex
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from aws_cdk import Stack, pipelines
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from pipeline.context_values import text_field

ACTION_NAME: Final = "Source"
GITHUB_API_URL: Final = "https://api.github.com"

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
_CONNECTION: Final = re.compile(
    r"arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/\S+"
)
# Plain HTTP only to this machine: every request carries a token.
_API_URL: Final = re.compile(
    r"(https://[A-Za-z0-9.-]+(:\d{1,5})?|http://(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost)(:\d{1,5})?)"
    r"(/[A-Za-z0-9._~-]+)*"
)


@dataclass(frozen=True, kw_only=True)
class GitHubSource:
    """A repository at GitHub; a person has authorised the connection."""

    kind: ClassVar[str] = "github"
    repository: str
    connection_arn: str
    api_url: str = GITHUB_API_URL

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Self:
        return cls(
            repository=text_field("source", fields, "repository", _REPOSITORY, "owner/name"),
            connection_arn=text_field(
                "source",
                fields,
                "connectionArn",
                _CONNECTION,
                "the ARN of a CodeConnections connection",
            ),
            api_url=text_field(
                "source",
                {"apiUrl": GITHUB_API_URL, **fields},
                "apiUrl",
                _API_URL,
                "an https address without a slash at the end, like https://github.example.com/api/v3",
            ),
        )

    def to_json(self) -> dict[str, str]:
        fields = {
            "kind": self.kind,
            "repository": self.repository,
            "connectionArn": self.connection_arn,
        }
        return fields if self.api_url == GITHUB_API_URL else {**fields, "apiUrl": self.api_url}

    def bind(self, scope: Construct, *, branch: str) -> pipelines.CodePipelineSource:  # noqa: ARG002
        return pipelines.CodePipelineSource.connection(
            self.repository,
            branch,
            connection_arn=self.connection_arn,
            trigger_on_push=True,
            # Builds clone with the connection's credentials, so that `check_branch` can use them.
            code_build_clone_output=True,
            action_name=ACTION_NAME,
        )

    def triggers(self, *, branch: str) -> list[dict[str, Any]]:
        """Pushes to this branch only; the connection reports those to all branches."""
        push = {"Branches": {"Includes": [branch]}}
        return [
            {
                "ProviderType": "CodeStarSourceConnection",
                "GitConfiguration": {"SourceActionName": ACTION_NAME, "Push": [push]},
            }
        ]

    def check_branch(self, *, branch: str) -> list[str]:
        # The full ref: a name alone also matches every branch that ends in `/` and that name.
        ref = f"refs/heads/{branch}"
        return [shlex.join(["git", "ls-remote", "--exit-code", "--heads", "origin", ref])]

    def check_environment(self) -> dict[str, Any]:
        """Gives git the credentials of the connection."""
        return {"env": {"git-credential-helper": "yes"}}

    def check_permissions(self, stack: Stack) -> list[iam.PolicyStatement]:  # noqa: ARG002
        """None: cloning needs the same permission."""
        return []

    def build_permissions(self) -> list[iam.PolicyStatement]:
        return [self._may("UseConnection")]

    def permissions(self) -> list[iam.PolicyStatement]:
        return [self._may("UseConnection")]

    def build_source(self, stack: Stack) -> dict[str, Any]:  # noqa: ARG002
        host = urlsplit(self.api_url)
        # The web address of GitHub Enterprise is that of its API without the path.
        is_public = host.hostname == "api.github.com"
        web = f"{host.scheme}://{host.netloc.removeprefix('api.')}"
        return {
            "Type": "GITHUB" if is_public else "GITHUB_ENTERPRISE",
            "Location": f"{web}/{self.repository}.git",
            "Auth": {"Type": "CODECONNECTIONS", "Resource": self.connection_arn},
        }

    def may_clone(self, stack: Stack) -> list[iam.PolicyStatement]:  # noqa: ARG002
        """CodeBuild reads a token from the connection."""
        return [self._may("GetConnection", "GetConnectionToken", "UseConnection")]

    def may_list_branches(self, stack: Stack) -> list[iam.PolicyStatement]:  # noqa: ARG002
        """None: functions use the token in the hub's secret."""
        return []

    def host_settings(self) -> dict[str, str]:
        return {"kind": self.kind, "api_url": self.api_url}

    def change_events(self, stack: Stack) -> events.EventPattern | None:  # noqa: ARG002
        """None: GitHub sends webhooks."""
        return None

    def _may(self, *actions: str) -> iam.PolicyStatement:
        """Each action of the service has two names; CDK knows the older one."""
        return iam.PolicyStatement(
            actions=[
                f"{service}:{action}"
                for service in ("codeconnections", "codestar-connections")
                for action in actions
            ],
            resources=[self.connection_arn],
        )
