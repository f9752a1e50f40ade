"""The hub's secret is cached, and never appears in errors."""

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from branch_hub.functions.shared.secret import HubSecret
from lambda_src.shared.json_secret import SecretUnreadable
from tests.aws_stubs import type_of_aws

ARN = "arn:aws:secretsmanager:us-east-1:111111111111:secret:branch-hub"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def secret(aws: type_of_aws, *values: Any, clock: Clock | None = None) -> HubSecret:
    secrets_manager, stub = aws("secretsmanager")
    for value in values:
        text = value if isinstance(value, str) else json.dumps(value)
        stub.add_response("get_secret_value", {"SecretString": text}, {"SecretId": ARN})
    return HubSecret(secrets_manager=secrets_manager, secret_arn=ARN, clock=clock or Clock())


def test_a_changed_secret_is_seen_after_five_minutes(aws: type_of_aws) -> None:
    clock = Clock()
    hub = secret(aws, {"webhook_secret": "old"}, {"webhook_secret": "new"}, clock=clock)

    assert hub.webhook_secret() == b"old"
    clock.now += 300
    assert hub.webhook_secret() == b"old"
    clock.now += 1
    assert hub.webhook_secret() == b"new"


def test_a_missing_token_is_empty(aws: type_of_aws) -> None:
    hub = secret(aws, {"webhook_secret": "w", "token": None})

    assert hub.value("token") == ""
    assert hub.webhook_secret() == b"w"


@pytest.mark.parametrize("content", [{}, {"webhook_secret": ""}, {"webhook_secret": 7}])
def test_s8_an_empty_webhook_secret_is_not_used_because_anyone_could_sign_with_it(
    aws: type_of_aws, content: Any
) -> None:
    with pytest.raises(SecretUnreadable, match="no text under 'webhook_secret'"):
        secret(aws, content).webhook_secret()


@pytest.mark.parametrize("content", ["hunter2", '["hunter2"]'])
def test_a_secret_that_is_no_object_is_refused_without_quoting_it(
    aws: type_of_aws, content: str
) -> None:
    with pytest.raises(SecretUnreadable, match="does not hold a JSON object") as error:
        secret(aws, content).value("token")
    assert "hunter2" not in str(error.value)


def test_the_error_for_an_unreadable_secret_names_it() -> None:
    class Unreachable:
        def get_secret_value(self, **_: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://secrets")

    hub: Any = HubSecret
    with pytest.raises(SecretUnreadable, match=ARN):
        hub(secrets_manager=Unreachable(), secret_arn=ARN, clock=Clock()).value("token")
