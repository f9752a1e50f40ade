"""The lifecycle as a state machine calls it, with the settings that infra writes."""

import json

import boto3
import pytest

from branch_hub.functions.lifecycle import entrypoint
from branch_hub.functions.lifecycle.verdict import VERDICT
from branch_hub.functions.shared.lifecycle_settings import NO_SCHEDULE, BranchLifecycleSettings
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.aws_stubs import type_of_aws
from tests.branch_hub.functions.lifecycle.conftest import Hub
from tests.branch_hub.git_server import REPOSITORY

LATE = "2026-11-22T03:00:00Z"


def detail(branch: str, reason: str) -> dict[str, str | None]:
    return {
        "event_id": "e",
        "repository": REPOSITORY,
        "branch": branch,
        "suffix": suffix_of_branch(branch),
        "commit": None,
        "occurred_at": LATE,
        "reason": reason,
    }


@pytest.mark.parametrize("kind", ["github", "codecommit"])
def test_s8_a_branch_is_created_and_deleted_through_the_hub_of_its_settings(
    hub: Hub, aws: type_of_aws, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    account, branch = hub.account, hub.branch()
    secret = account.client("secretsmanager").create_secret(
        Name=account.name("branch-hub"), SecretString=json.dumps({"token": "t0ken"})
    )
    settings = BranchLifecycleSettings(
        git_host=json.dumps({"kind": kind, "api_url": hub.git.url}),
        repository=REPOSITORY,
        hub_secret_arn=secret["ARN"],
        branch_table_name=hub.table,
        trunk="main",
        protected_branches="[]",
        environment_quota=1,
        branch_needs="{}",
        trunk_needs="{}",
        lifetime_days=14,
        sleeps_until=NO_SCHEDULE,
    )
    codecommit, stub = aws("codecommit")
    if kind == "codecommit":
        stub.add_response("get_branch", {"branch": {}})
        stub.add_client_error("get_branch", "BranchDoesNotExistException")
    for variable, value in settings.to_env().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(
        boto3,
        "client",
        lambda service, **_: codecommit if service == "codecommit" else account.client(service),
    )
    monkeypatch.setattr(boto3, "resource", lambda service, **_: account.resource(service))
    entrypoint._lifecycle.cache_clear()
    creator, destroyer = hub.execution(), hub.execution()

    admitted = entrypoint.handler(
        {"action": "admit", "detail": detail(branch, "pushed"), "execution": creator}, None
    )
    assert admitted["outcome"] == "create"
    entrypoint.handler(
        {
            "action": "settle",
            "suffix": admitted["suffix"],
            "branch": branch,
            "execution": creator,
            "succeeded": True,
            "build": {
                "Build": {"ExportedEnvironmentVariables": [{"Name": VERDICT, "Value": "accepted"}]}
            },
        },
        None,
    )
    del hub.git.branches[branch]
    claimed = entrypoint.handler(
        {"action": "claim", "detail": detail(branch, "deleted"), "execution": destroyer}, None
    )
    assert claimed["outcome"] == "delete"

    assert set(hub.git.tokens) == ({"Bearer t0ken"} if kind == "github" else set())
