"""Cards are read, refreshed and fail alone."""

import logging
import re

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from tests.page import world
from tests.page.conftest import Ask, asking
from tests.page.html import card_of, text_of
from tests.page.recorded import RecordedAccount, refusal
from tests.page.world import SUFFIX

_ENVIRONMENT = f"/environments/{SUFFIX}"


async def test_an_api_that_fails_is_named_in_its_card_and_the_others_stay(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.environment(aws)
    aws.answer("rds.DescribeDBClusters", refusal("InternalFailure", "DescribeDBClusters", "down"))
    page = await ask(_ENVIRONMENT)
    assert page.status_code == 200
    failed = text_of(card_of(page.text, "databases"))
    assert "Could not be read." in failed
    assert "(InternalFailure) when calling the DescribeDBClusters operation" in failed
    assert "us-east-1a" in card_of(page.text, "tasks")
    assert page.text.count("Could not be read.") == 1
    # It is asked again: the API may be back.
    assert "hx-trigger" in card_of(page.text, "databases")


async def test_a_missing_right_is_named_as_the_readers_own(aws: RecordedAccount, ask: Ask) -> None:
    world.environment(aws)
    aws.answer("cloudwatch.DescribeAlarms", refusal("AccessDenied", "DescribeAlarms"))
    shown = text_of(card_of((await ask(_ENVIRONMENT)).text, "alarms"))
    assert "The page reads with your credentials: they need this right." in shown


async def test_without_credentials_it_says_to_sign_in(aws: RecordedAccount, ask: Ask) -> None:
    aws.answer("cloudformation.DescribeStacks", NoCredentialsError())
    assert "Sign in to the account" in text_of((await ask("/")).text)


async def test_an_unreachable_local_cloud_is_to_be_started_and_aws_is_not(
    aws: RecordedAccount, local: RecordedAccount
) -> None:
    for account in (aws, local):
        away = EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
        account.answer("cloudformation.DescribeStacks", away)
    assert "make up` starts it" in text_of((await asking(local)("/")).text)
    on_aws = text_of((await asking(aws)("/")).text)
    assert "Could not connect to the endpoint URL" in on_aws
    assert "make up" not in on_aws


async def test_an_error_of_the_page_itself_is_logged_and_hides_no_other_card(
    aws: RecordedAccount, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    world.environment(aws)
    aws.answer("ecs.ListTasks", RuntimeError("a mistake"))
    with caplog.at_level(logging.ERROR, logger="page.cards"):
        page = (await ask(_ENVIRONMENT)).text
    assert "RuntimeError: a mistake (an error of the page itself)" in card_of(page, "tasks")
    assert "a mistake" in caplog.text
    assert "writer" in card_of(page, "databases")


async def test_a_card_that_has_not_changed_is_not_sent_again(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.environment(aws)
    card = card_of((await ask(_ENVIRONMENT)).text, "queues")
    source = re.findall(r'hx-get="([^"]+)"', card)[0]
    assert (await ask(source)).status_code == 204
    aws.forget()
    aws.answer(
        "sqs.GetQueueAttributes",
        {
            "Attributes": {
                "ApproximateNumberOfMessages": "41",
                "ApproximateNumberOfMessagesNotVisible": "0",
                "ApproximateNumberOfMessagesDelayed": "0",
            }
        },
    )
    changed = await ask(source)
    assert changed.status_code == 200
    assert changed.text.startswith('<section id="card-queues"')
    assert "41" in changed.text


async def test_a_card_that_does_not_exist_is_404(ask: Ask) -> None:
    answer = await ask("/cards/nothing")
    assert answer.status_code == 404
    assert "this page has no card 'nothing'" in text_of(answer.text)


async def test_dead_letters_are_read_only_when_a_person_asks(
    aws: RecordedAccount, ask: Ask
) -> None:
    """Reading hides them for a moment from everybody else."""
    world.environment(aws)
    aws.answer("sqs.GetQueueUrl", lambda r: {"QueueUrl": f"https://q/{r['QueueName']}"})
    aws.answer("sqs.ReceiveMessage", {"Messages": []})
    page = (await ask(_ENVIRONMENT)).text
    assert aws.times("sqs.ReceiveMessage") == 0
    card = card_of(page, "dead_letters")
    assert "hx-trigger" not in card  # never by itself
    # With the script and without it.
    for attribute in ("hx-get", "href"):
        aws.forget()
        before = aws.times("sqs.ReceiveMessage")
        address = re.findall(rf' {attribute}="([^"]+)"', card)[0]
        answer = await ask(address)
        assert "No dead letters" in text_of(card_of(answer.text, "dead_letters"))
        assert "Read again" in answer.text
        assert aws.times("sqs.ReceiveMessage") > before


@pytest.mark.parametrize("path", ["?read=dead_letters", "/cards/dead_letters"])
@pytest.mark.parametrize(
    ("site", "is_read"), [("cross-site", False), ("same-site", False), ("none", True)]
)
async def test_a_link_of_another_site_does_not_read_dead_letters(
    aws: RecordedAccount, path: str, site: str, is_read: bool
) -> None:
    world.environment(aws)
    aws.answer("sqs.GetQueueUrl", lambda r: {"QueueUrl": f"https://q/{r['QueueName']}"})
    aws.answer("sqs.ReceiveMessage", {"Messages": []})
    headers = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    page = await asking(aws, headers=headers)(f"{_ENVIRONMENT}{path}")
    assert page.status_code == 200
    assert (aws.times("sqs.ReceiveMessage") > 0) == is_read
    card = text_of(card_of(page.text, "dead_letters"))
    assert ("Read again" in card) == is_read


async def test_pages_that_are_open_together_ask_aws_once(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    await ask("/")
    asked = len(aws.calls)
    await ask("/")
    assert len(aws.calls) == asked
