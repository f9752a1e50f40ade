"""The command that adds, lists and removes credentials, against an emulated account."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from app_service.clients.client_table import ClientTable
from app_service.clients.clients import Clients, first_credential
from app_service.clients.credentials import Client
from app_service.ledger.actor import Role
from operations import api_client
from tests.account import Account

SUFFIX = "clients"
TABLE = f"transaction-api-clients-{SUFFIX}"
SECRET = f"transaction-api-credentials-{SUFFIX}"
OUTPUTS = {
    "ApiDocsUrl": "https://api/docs",
    "ApiCredentialsSecretName": SECRET,
    "ApiClientsTableName": TABLE,
}


def create_stack(account: Account, suffix: str, outputs: dict[str, str]) -> None:
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(
        StackName=f"transaction-{suffix}", TemplateBody=json.dumps(template)
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=f"transaction-{suffix}", WaiterConfig={"Delay": 1}
    )


@pytest.fixture
def environment(asked: Account) -> Iterator[Account]:
    """An environment of SUFFIX with a table of clients and the secret of the first."""
    dynamodb, secrets = asked.client("dynamodb"), asked.client("secretsmanager")
    names = ("client_id", "credential_id")
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": name, "KeyType": kind}
            for name, kind in zip(names, ("HASH", "RANGE"), strict=True)
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        BillingMode="PAY_PER_REQUEST",
    )
    secret = {"client_id": "transaction-client", "client_secret": "s3cret"}
    secrets.create_secret(Name=SECRET, SecretString=json.dumps(secret))
    create_stack(asked, SUFFIX, OUTPUTS)
    yield asked
    dynamodb.delete_table(TableName=TABLE)
    secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    asked.client("cloudformation").delete_stack(StackName=f"transaction-{SUFFIX}")


def run(*arguments: str) -> int:
    return api_client.main(["--suffix", SUFFIX, *arguments])


def add(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    """Id and secret of the new credential."""
    assert run(*arguments) == 0
    said = dict(re.findall(r"^(credential|secret) +(\S+)$", capsys.readouterr().out, re.MULTILINE))
    return said["credential"], said["secret"]


async def signed_in(account: Account, client_id: str, secret: str) -> Client | None:
    """As the service finds it, with an empty cache."""
    with ThreadPoolExecutor(1) as executor:
        clients = Clients(
            table=ClientTable(
                dynamodb=account.client("dynamodb"), table_name=TABLE, executor=executor
            ),
            first=first_credential(client_id="transaction-client", secret="s3cret"),
        )
        return await clients.find(client_id, secret.encode(), admit=lambda: None)


def test_without_an_option_it_prints_the_first_credential(
    environment: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    assert capsys.readouterr().out == (
        "page       https://api/docs\nuser name  transaction-client\npassword   s3cret\n"
    )


async def test_a_credential_is_replaced_without_an_interruption(
    environment: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two are valid side by side, until the old one is removed."""
    old_id, old = add(capsys, "--client", "shop", "--role", "poster")
    new_id, new = add(capsys, "--client", "shop")
    for credential_id, secret in ((old_id, old), (new_id, new)):
        assert await signed_in(environment, "shop", secret) == Client(
            client_id="shop", credential_id=credential_id, role=Role.POSTER
        )
    assert run("--revoke", old_id) == 0
    assert f"removed {old_id} of client shop" in capsys.readouterr().out
    assert await signed_in(environment, "shop", old) is None
    assert await signed_in(environment, "shop", new) is not None


def test_the_table_holds_no_secret(
    environment: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    _, secret = add(capsys, "--client", "shop", "--role", "reader")
    items = environment.client("dynamodb").scan(TableName=TABLE)["Items"]
    assert len(items) == 1
    assert secret not in json.dumps(items)
    assert len(secret) == 43, "256 random bits"


def test_the_list_shows_clients_and_no_secrets(
    environment: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, secret = add(capsys, "--client", "shop", "--role", "poster")
    bank, _ = add(capsys, "--client", "bank", "--role", "reader")
    assert run("--list") == 0
    said = capsys.readouterr().out
    rows = [line.split() for line in said.splitlines()]
    assert [row[:3] for row in rows] == [
        ["client", "role", "credential"],
        ["transaction-client", "operator", "secret"],
        ["bank", "reader", bank],
        ["shop", "poster", shop],
    ]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", " ".join(rows[3][3:]))
    hashes = [i["secret_sha256"]["S"] for i in _items(environment)]
    assert not any(hidden in said for hidden in (secret, "s3cret", *hashes))


async def test_the_first_client_gets_further_credentials_as_operator_only(
    environment: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    _, secret = add(capsys, "--client", "transaction-client")
    found = await signed_in(environment, "transaction-client", secret)
    assert found is not None
    assert found.role is Role.OPERATOR
    assert run("--client", "transaction-client", "--role", "reader") == 1
    assert "client transaction-client has role operator" in capsys.readouterr().err


def test_the_last_credential_of_a_client_is_named_as_such(
    environment: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    only, _ = add(capsys, "--client", "shop", "--role", "poster")
    assert run("--revoke", only) == 0
    assert "client shop has no other credential" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--client", "Shop"], "CLIENT: must be 1 to 64 characters of a-z, 0-9 and -"),
        (["--client", "a" * 65, "--role", "poster"], "got another string of 65 characters"),
        (["--client", "new"], "ROLE='': must be one of reader, poster, operator"),
        (["--client", "new", "--role", "admin"], "ROLE='admin': must be one of reader, poster"),
        (["--client", "shop", "--role", "reader"], "ROLE='reader': client shop has role poster"),
        (["--revoke", "shop-1"], "REVOKE='shop-1': there is no such credential; LIST=yes"),
        (["--revoke", "secret"], "docs/clients.md says how to replace it"),
        (["--revoke", "x", "--list"], "give only one of CLIENT, LIST and REVOKE"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_rule(
    environment: Account, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    add(capsys, "--client", "shop", "--role", "poster")
    before = _items(environment)
    assert run(*arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert _items(environment) == before


def test_a_client_has_a_limited_number_of_credentials(
    environment: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_client, "CREDENTIALS_MAX", 2)
    for _ in range(2):
        add(capsys, "--client", "shop", "--role", "poster")
    assert run("--client", "shop") == 1
    assert "has 2 credentials, and 2 is the most" in capsys.readouterr().err


def test_an_environment_that_does_not_exist_is_named(
    asked: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert api_client.main(["--suffix", "none"]) == 1
    assert "SUFFIX='none': there is no stack transaction-none" in capsys.readouterr().err


def test_an_environment_of_a_version_without_clients_is_named(
    asked: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    create_stack(asked, "before", {"ApiDocsUrl": "https://api/docs"})
    assert api_client.main(["--suffix", "before", "--list"]) == 1
    assert "its stack has no output ApiClientsTableName" in capsys.readouterr().err


def test_another_error_of_aws_is_not_taken_for_a_missing_environment(
    asked: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Denied:
        def describe_stacks(self, **_: Any) -> None:
            raise ClientError(
                {"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStacks"
            )

    monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: Denied())
    assert run() == 1
    assert "AccessDenied" in capsys.readouterr().err


def _items(account: Account) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = account.client("dynamodb").scan(TableName=TABLE)["Items"]
    return found
