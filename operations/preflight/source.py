"""The git host: the connection or the repository, and the hub's token."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from branch_hub.git_hosts.github_refusals import PUBLIC_API
from branch_hub.infrastructure.host_secret import TOKEN_FIELD
from operations.hubs import hub_outputs
from operations.preflight.findings import Finding, Situation, code_of, fine, note, to_do
from pipeline.sources.codecommit import CodeCommitSource
from pipeline.sources.github import GitHubSource


def source(situation: Situation) -> Iterator[Finding]:
    host = situation.settings.source
    if isinstance(host, GitHubSource):
        yield from _connection(situation, host)
        return
    assert isinstance(host, CodeCommitSource)  # a new kind of source needs its check here
    yield from _repository(situation, host)


def _connection(situation: Situation, host: GitHubSource) -> Iterator[Finding]:
    # An ARN with the service's earlier name belongs to the earlier API.
    service = host.connection_arn.split(":")[2]
    try:
        answer = situation.client(service).get_connection(ConnectionArn=host.connection_arn)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        yield to_do(
            f"connection: {host.connection_arn} does not exist: create it in the console "
            "(Developer Tools, Connections), and set source.connectionArn"
        )
        return
    status = answer["Connection"]["ConnectionStatus"]
    if status == "AVAILABLE":
        yield fine(f"connection: {host.connection_arn} is available")
    else:
        yield to_do(
            f"connection: {host.connection_arn} is {status}: finish it in the console (Developer "
            "Tools, Connections, Update pending connection)"
        )


def _repository(situation: Situation, host: CodeCommitSource) -> Iterator[Finding]:
    try:
        situation.client("codecommit").get_repository(repositoryName=host.repository)
    except ClientError as error:
        if code_of(error) != "RepositoryDoesNotExistException":
            raise
        yield to_do(
            f"repository: CodeCommit has no {host.repository} in {situation.settings.region}: aws "
            f"codecommit create-repository --repository-name {host.repository}, then push to it"
        )
        return
    yield fine(f"repository: CodeCommit has {host.repository}")


def token(situation: Situation) -> Iterator[Finding]:
    """Never shows the token, only whether there is one."""
    host = situation.settings.source
    if not isinstance(host, GitHubSource):
        return
    if urlsplit(host.api_url).hostname != PUBLIC_API:
        yield fine(f"token: {host.api_url} is not github.com, which needs one for each request")
        return
    hubs = hub_outputs(situation.client("cloudformation"))
    outputs = hubs.get(str(situation.settings.hub_suffix))
    if outputs is None:
        yield note(
            "token: the hub is not deployed yet. After its deployment put a token into its secret, "
            "for a public repository, too (docs/aws.md, Connect the git host)"
        )
        return
    name = outputs["WebhookSecretName"]
    answer = situation.client("secretsmanager").get_secret_value(SecretId=name)
    if json.loads(answer["SecretString"]).get(TOKEN_FIELD):
        yield fine(f"token: the secret {name} has one")
    else:
        yield to_do(
            f"token: the secret {name} has none, and GitHub allows 60 requests an hour without: "
            "put one into its field `token`, for a public repository, too (docs/aws.md, Connect "
            "the git host)"
        )
