"""What clients may do besides transfers: refusals that stay, reversals, holds, chains and lists."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from integration_tests.environment import DeployedEnvironment
from integration_tests.ledger_client import LedgerClient, new_hold, new_id, new_transaction

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def bank(ledger: LedgerClient) -> int:
    return ledger.open_account(may_go_negative=True)


@pytest.fixture
def shop(ledger: LedgerClient) -> int:
    return ledger.open_account()


def test_a_refusal_stays_although_the_money_has_come(
    ledger: LedgerClient, bank: int, shop: int
) -> None:
    refused = new_transaction(shop, bank, 10)
    answers = [ledger.post(refused)]
    assert ledger.post(new_transaction(bank, shop, 100)).status_code == 201
    answers.append(ledger.post(refused))
    assert [answer.status_code for answer in answers] == [422, 422]
    assert [answer.json()["code"] for answer in answers] == ["insufficient_funds"] * 2
    assert ledger.balance_minor(shop) == 100


def test_the_sender_of_a_message_learns_that_it_was_refused_and_why(
    ledger: LedgerClient,
    environment: DeployedEnvironment,
    sqs: "SQSClient",
    eventually: Callable[..., None],
    shop: int,
) -> None:
    refused = new_transaction(shop, ledger.open_account(), 10)
    message = {"type": "transaction.submitted", "version": 1, "transaction": refused}
    sqs.send_message(QueueUrl=environment.transaction_queue_url, MessageBody=json.dumps(message))
    eventually(
        lambda: ledger.find(refused["transaction_id"]).status_code == 200, what="the refusal"
    )
    found = ledger.find(refused["transaction_id"]).json()
    assert (found["state"], found["reason"]) == ("refused", "insufficient_funds")
    assert (found["path"], found["client_id"]) == ("queue", "transaction-queue")


def test_a_reversal_moves_the_money_back_once(ledger: LedgerClient, bank: int, shop: int) -> None:
    payment = new_transaction(bank, shop, 30)
    assert ledger.post(payment).status_code == 201
    reversal = new_id()
    answers = [
        ledger.act(payment, "reversal", each).status_code for each in (reversal, reversal, new_id())
    ]
    assert answers == [201, 200, 422]
    assert ledger.balance_minor(shop) == 0
    found = ledger.find(payment["transaction_id"]).json()
    assert found["reversed_by"] == reversal["transaction_id"]


def test_a_hold_reserves_and_a_capture_takes_a_part_and_releases_the_rest(
    ledger: LedgerClient, bank: int, shop: int
) -> None:
    customer = ledger.open_account()
    assert ledger.post(new_transaction(bank, customer, 100)).status_code == 201
    hold = new_hold(customer, shop, 80)
    assert ledger.post(hold).status_code == 201
    assert ledger.money(customer) == {
        "balance_minor": 100,
        "held_minor": 80,
        "available_minor": 20,
    }
    assert ledger.post(new_transaction(customer, shop, 21)).status_code == 422

    assert ledger.act(hold, "capture", new_id() | {"amount_minor": 50}).status_code == 201
    assert ledger.money(customer) == {"balance_minor": 50, "held_minor": 0, "available_minor": 50}
    assert ledger.balance_minor(shop) == 50
    assert ledger.find(hold["transaction_id"]).json()["state"] == "captured"
    assert ledger.act(hold, "capture", new_id()).status_code == 422


def test_a_void_releases_what_a_hold_reserves(ledger: LedgerClient, bank: int, shop: int) -> None:
    hold = new_hold(bank, shop, 80)
    assert ledger.post(hold).status_code == 201
    assert ledger.act(hold, "void", new_id()).status_code == 201
    assert ledger.money(bank) == {"balance_minor": 0, "held_minor": 0, "available_minor": 0}
    assert ledger.find(hold["transaction_id"]).json()["state"] == "voided"


def test_a_chain_in_a_batch_posts_whole_or_not_at_all(
    ledger: LedgerClient, bank: int, shop: int
) -> None:
    fee = new_transaction(bank, shop, 1) | {"linked": True}
    too_much = new_transaction(shop, bank, 1000)
    alone = new_transaction(bank, shop, 5)
    assert ledger.statuses([fee, too_much, alone]) == [
        "linked_refused",
        "insufficient_funds",
        "posted",
    ]
    assert ledger.balance_minor(shop) == 5
    whole = [new_transaction(bank, shop, 2) | {"linked": True}, new_transaction(shop, bank, 7)]
    assert ledger.statuses(whole) == ["posted", "posted"]
    assert ledger.statuses(whole) == ["replayed", "replayed"]
    assert ledger.balance_minor(shop) == 0


def test_transactions_are_listed_by_account_and_by_reference(
    ledger: LedgerClient, bank: int, shop: int
) -> None:
    reference = f"invoice {new_id()['transaction_id']}"
    payments = [new_transaction(bank, shop, 1 + n) | {"reference": reference} for n in range(3)]
    refused = new_transaction(shop, bank, 1000) | {"reference": reference}
    other = new_transaction(bank, shop, 9)
    for each in (*payments, refused, other):
        ledger.post(each)

    assert ledger.listed(account_id=shop) == ids_of(*payments, other)
    assert ledger.listed(reference=reference) == ids_of(*payments)
    assert ledger.listed(reference=reference, state="refused") == ids_of(refused)
    assert ledger.listed(account_id=shop, limit=2) == ids_of(*payments, other)


def ids_of(*transactions: dict[str, Any]) -> set[str]:
    return {each["transaction_id"] for each in transactions}
