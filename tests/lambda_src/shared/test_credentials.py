"""S63: credentials come from Secrets Manager and never appear in logs and errors."""

import json

import pytest

from lambda_src.shared.credentials import Credentials, DatabaseSecret
from lambda_src.shared.json_secret import SecretUnreadable
from tests.aws_stubs import type_of_aws, unreachable

ARN = "arn:aws:secretsmanager:us-east-1:111111111111:secret:processor-abc"


def secret_value(username: str, password: str) -> dict[str, str]:
    return {"SecretString": json.dumps({"username": username, "password": password, "port": 1})}


def test_the_secret_is_fetched_once_until_forgotten(aws: type_of_aws) -> None:
    client, stub = aws("secretsmanager")
    stub.add_response("get_secret_value", secret_value("u", "first"), {"SecretId": ARN})
    stub.add_response("get_secret_value", secret_value("u", "second"), {"SecretId": ARN})
    secret = DatabaseSecret(secrets_manager=client, secret_arn=ARN)
    assert secret.credentials() == Credentials(username="u", password="first")
    assert secret.credentials().password == "first"
    secret.forget()
    assert secret.credentials().password == "second"


def test_a_password_is_not_in_the_repr() -> None:
    assert "hunter2" not in repr(Credentials(username="u", password="hunter2"))


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ({"SecretString": "hunter2"}, "does not hold a JSON object"),
        ({"SecretString": '["hunter2"]'}, "does not hold a JSON object"),
        ({"SecretBinary": b"hunter2"}, "does not hold a JSON object"),
        ({"SecretString": '{"password": "hunter2"}'}, "has no text under 'username'"),
        ({"SecretString": '{"username": "hunter2", "password": ""}'}, "no text under 'password'"),
        ({"SecretString": '{"username": "hunter2", "password": 5}'}, "no text under 'password'"),
    ],
)
def test_a_secret_of_another_shape_is_named_but_not_quoted(
    aws: type_of_aws, answer: dict[str, str], complaint: str
) -> None:
    client, stub = aws("secretsmanager")
    stub.add_response("get_secret_value", answer)
    with pytest.raises(SecretUnreadable, match=complaint) as refused:
        DatabaseSecret(secrets_manager=client, secret_arn=ARN).credentials()
    assert ARN in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_refusal_of_secrets_manager_names_the_secret(aws: type_of_aws) -> None:
    client, stub = aws("secretsmanager")
    stub.add_client_error("get_secret_value", "AccessDeniedException")
    with pytest.raises(SecretUnreadable, match=f"{ARN}.*AccessDenied"):
        DatabaseSecret(secrets_manager=client, secret_arn=ARN).credentials()


def test_secrets_manager_out_of_reach_names_the_secret() -> None:
    with pytest.raises(SecretUnreadable, match=ARN):
        DatabaseSecret(secrets_manager=unreachable, secret_arn=ARN).credentials()
