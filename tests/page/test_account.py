"""The clients of the account that is shown."""

import threading
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from page.account import Account
from page.settings import PageSettings
from tests.page import world
from tests.page.conftest import Ask, asking
from tests.page.html import text_of
from tests.page.recorded import CHECKOUT, RecordedAccount


def test_only_declared_services_are_read(aws: RecordedAccount) -> None:
    with pytest.raises(AttributeError, match="iam: no such client is declared"):
        _ = aws.iam


def test_threads_share_one_client_of_a_service(aws: RecordedAccount) -> None:
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(aws.sqs)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in found}) == 1


def test_the_page_reads_the_given_endpoint_and_region() -> None:
    settings = PageSettings(
        checkout=CHECKOUT, endpoint_url="http://127.0.0.1:4566", region="eu-west-1"
    )
    client = Account(settings).sqs
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert client.meta.region_name == "eu-west-1"


async def test_every_page_names_the_account_of_aws(aws: RecordedAccount, ask: Ask) -> None:
    """Who presses a button must see where it acts."""
    world.delivered(aws)
    for path in ("/", "/plots"):
        header = text_of((await ask(path)).text.partition("</header>")[0])
        assert "AWS, us-east-1, account 111111111111" in header


async def test_a_page_whose_account_cannot_be_read_is_shown(
    aws: RecordedAccount, local: RecordedAccount
) -> None:
    aws.answer("sts.GetCallerIdentity", NoCredentialsError())
    assert (await asking(aws)("/plots")).status_code == 200
    assert "account" not in text_of((await asking(local)("/plots")).text.partition("</header>")[0])
    assert local.calls == []
