"""B11: preflight checks the git host, and never shows the hub's token."""

import json
from typing import Any

import pytest

from infra.naming import EnvironmentSuffix
from operations.preflight.source import source, token
from tests.operations.preflight.conftest import GITHUB, Ask

SECRET = "branch-hub-hub-0a1b2c"


def connection(status: str) -> dict[str, Any]:
    return {"codeconnections.get_connection": {"Connection": {"ConnectionStatus": status}}}


@pytest.mark.parametrize(
    ("answers", "start"),
    [
        (connection("AVAILABLE"), "fine: connection: arn:aws:codeconnections:"),
        (connection("PENDING"), "to do: connection: arn:aws:codeconnections:"),
        (
            {"codeconnections.get_connection": "ResourceNotFoundException"},
            "to do: connection: arn:aws:codeconnections:",
        ),
        (
            {"codeconnections.get_connection": "AccessDeniedException"},
            "to do: check: not checked: these credentials may not call GetConnection",
        ),
    ],
)
def test_b11_only_an_available_connection_is_fine(
    ask: Ask, answers: dict[str, Any], start: str
) -> None:
    (line,) = ask(source, answers, source=GITHUB)

    assert line.startswith(start)


@pytest.mark.parametrize(
    ("answer", "start"),
    [
        ({}, "fine: repository: CodeCommit has transaction-pipeline"),
        (
            "RepositoryDoesNotExistException",
            "to do: repository: CodeCommit has no transaction-pipeline in us-east-1: aws",
        ),
        ("AccessDeniedException", "to do: check: not checked"),
    ],
)
def test_b11_the_repository_must_exist(ask: Ask, answer: Any, start: str) -> None:
    (line,) = ask(source, {"codecommit.get_repository": answer})

    assert line.startswith(start)


def hub(repository: str) -> dict[str, Any]:
    stack = {
        "StackName": "BranchHub",
        "CreationTime": 0,
        "StackStatus": "CREATE_COMPLETE",
        "Tags": [{"Key": "branch-hub", "Value": str(EnvironmentSuffix.of_repository(repository))}],
        "Outputs": [{"OutputKey": "WebhookSecretName", "OutputValue": SECRET}],
    }
    return {"cloudformation.describe_stacks": {"Stacks": [stack]}}


@pytest.mark.parametrize(
    ("value", "start"),
    [
        ("gh-t0ken", f"fine: token: the secret {SECRET} has one"),
        ("", f"to do: token: the secret {SECRET} has none, and GitHub allows 60 requests an hour"),
    ],
)
def test_b11_a_missing_token_is_found_and_no_token_is_shown(
    ask: Ask, value: str, start: str
) -> None:
    content = json.dumps({"webhook_secret": "k3y", "token": value})
    answers = {
        **hub("acme/ledger"),
        "secretsmanager.get_secret_value": {"SecretString": content},
    }

    (line,) = ask(token, answers, source=GITHUB)

    assert line.startswith(start)
    assert "t0ken" not in line
    assert "k3y" not in line


def test_b11_before_the_hub_there_is_no_token_to_check(ask: Ask) -> None:
    (line,) = ask(token, hub("acme/other"), source=GITHUB)

    assert line.startswith("note: token: the hub is not deployed yet.")


def test_b11_codecommit_and_other_servers_need_no_token(ask: Ask) -> None:
    assert ask(token, {}) == []

    other = {**GITHUB, "apiUrl": "https://git.example.com/api/v3"}
    (line,) = ask(token, {}, source=other)
    assert line.startswith("fine: token: https://git.example.com/api/v3 is not github.com")
