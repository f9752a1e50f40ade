"""The intake as Lambda calls it, up to the bus."""

import json

import boto3
import pytest

from branch_hub.functions.intake import entrypoint
from branch_hub.functions.intake.settings import BranchIntakeSettings
from tests.account import Account
from tests.branch_hub.functions.intake.conftest import SECRET, payload, request
from tests.branch_hub.git_server import REPOSITORY


def test_s8_a_webhook_goes_through_the_hub_of_its_settings(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = account.name("branch-hub")
    secret = account.client("secretsmanager").create_secret(
        Name=name, SecretString=json.dumps({"webhook_secret": SECRET.decode(), "token": ""})
    )
    account.client("events").create_event_bus(Name=name)
    settings = BranchIntakeSettings(
        git_host=json.dumps({"kind": "github", "api_url": "https://api.github.com"}),
        repository=REPOSITORY,
        hub_secret_arn=secret["ARN"],
        branch_table_name=account.create_table(),
        event_bus_name=name,
    )
    for variable, value in settings.to_env().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(boto3, "client", lambda service, **_: account.client(service))
    monkeypatch.setattr(boto3, "resource", lambda service, **_: account.resource(service))
    entrypoint._intake.cache_clear()

    assert entrypoint.handler(request(payload()), None)["statusCode"] == 202
    assert entrypoint.handler(request(payload()), None)["statusCode"] == 200
    assert entrypoint.handler(request(payload(), signature="sha256="), None)["statusCode"] == 401
