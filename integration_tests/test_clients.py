"""Two clients of one ledger: that of the API, and the transaction queue.

The API's client is an operator, and these tests have no right to add another one. So what a poster
or reader may not do is not seen here (tests/running_service/test_openapi_conformance.py).
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from integration_tests.environment import DeployedEnvironment
from integration_tests.ledger_client import LedgerClient, new_transaction

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

QUEUE_CLIENT = "transaction-queue"
Send = Callable[[dict[str, Any]], None]


@pytest.fixture
def send(environment: DeployedEnvironment, sqs: "SQSClient") -> Send:
    """As the queue's client."""

    def send(transaction: dict[str, Any]) -> None:
        message = {"type": "transaction.submitted", "version": 1, "transaction": transaction}
        sqs.send_message(
            QueueUrl=environment.transaction_queue_url, MessageBody=json.dumps(message)
        )

    return send


def test_an_account_belongs_to_the_client_for_which_it_was_opened(
    ledger: LedgerClient, credentials: tuple[str, str]
) -> None:
    own, of_queue = ledger.open_account(), ledger.open_account(owner=QUEUE_CLIENT)
    assert [ledger.account(each)["owner"] for each in (own, of_queue)] == [
        credentials[0],
        QUEUE_CLIENT,
    ]
    found = ledger.accounts_of(QUEUE_CLIENT)
    assert of_queue in found
    assert own not in found


def test_each_client_is_recorded_with_what_it_has_sent(
    ledger: LedgerClient,
    send: Send,
    credentials: tuple[str, str],
    eventually: Callable[..., None],
) -> None:
    """Both debit the account of the queue's client: the API's client because it is an operator."""
    payer, payee = (
        ledger.open_account(owner=QUEUE_CLIENT, may_go_negative=True),
        ledger.open_account(),
    )
    by_api, by_queue = new_transaction(payer, payee, 1), new_transaction(payer, payee, 2)
    assert ledger.post(by_api).status_code == 201
    send(by_queue)
    eventually(lambda: ledger.balance_minor(payee) == 3, what="the posting of the message")
    senders = [
        (found["client_id"], found["path"])
        for found in (ledger.find(each["transaction_id"]).json() for each in (by_api, by_queue))
    ]
    assert senders == [(credentials[0], "api"), (QUEUE_CLIENT, "queue")]


def test_an_id_that_both_clients_send_moves_money_once_and_keeps_its_first_sender(
    ledger: LedgerClient, send: Send, eventually: Callable[..., None]
) -> None:
    payer, payee = ledger.open_account(may_go_negative=True), ledger.open_account()
    first_by_api, first_by_queue = (new_transaction(payer, payee, n) for n in (10, 100))
    assert ledger.post(first_by_api).status_code == 201
    for each in (first_by_api, first_by_queue):
        send(each)
    eventually(lambda: ledger.balance_minor(payee) == 110, what="the posting of the message")
    assert [ledger.post(each).status_code for each in (first_by_api, first_by_queue)] == [200, 200]
    marker = new_transaction(payer, payee, 1000)  # the queue does not keep the order, but is short
    send(marker)
    eventually(lambda: ledger.balance_minor(payee) == 1110, what="the posting of the marker")
    paths = [
        ledger.find(each["transaction_id"]).json()["path"]
        for each in (first_by_api, first_by_queue)
    ]
    assert paths == ["api", "queue"]
