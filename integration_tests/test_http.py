"""Transactions over HTTPS: money moves once, completely, or not at all."""

from integration_tests.ledger_client import LedgerClient, new_transaction


def test_a_transaction_moves_money_once(ledger: LedgerClient) -> None:
    """S32: posted, then replayed; both balances moved by the amount, once."""
    source = ledger.open_account(may_go_negative=True)
    target = ledger.open_account()
    transaction = new_transaction(source, target, 1250)
    assert ledger.post(transaction).status_code == 201
    assert ledger.post(transaction).status_code == 200
    assert ledger.balance_minor(source) == -1250
    assert ledger.balance_minor(target) == 1250
    shown = ledger.call("GET", f"/transactions/{transaction['transaction_id']}")
    assert shown.status_code == 200
    assert shown.json()["amount_minor"] == 1250


def test_the_same_id_with_other_contents_is_a_conflict(ledger: LedgerClient) -> None:
    source = ledger.open_account(may_go_negative=True)
    target = ledger.open_account()
    transaction = new_transaction(source, target, 100)
    assert ledger.post(transaction).status_code == 201
    answer = ledger.post({**transaction, "amount_minor": 101})
    assert answer.status_code == 409
    assert ledger.balance_minor(target) == 100


def test_a_transaction_without_funds_is_refused(ledger: LedgerClient) -> None:
    poor = ledger.open_account()
    target = ledger.open_account()
    answer = ledger.post(new_transaction(poor, target, 1))
    assert answer.status_code == 422
    assert answer.json()["code"] == "insufficient_funds"
    assert ledger.balance_minor(target) == 0


def test_a_refused_transaction_does_not_affect_its_batch(ledger: LedgerClient) -> None:
    source = ledger.open_account(may_go_negative=True)
    target = ledger.open_account()
    poor = ledger.open_account()
    batch = [
        new_transaction(source, target, 5),
        new_transaction(poor, target, 5),
        new_transaction(source, target, 7),
    ]
    answer = ledger.call("POST", "/transactions/batch", json={"transactions": batch})
    assert answer.status_code == 200, answer.text
    statuses = [verdict["status"] for verdict in answer.json()["verdicts"]]
    assert statuses == ["posted", "insufficient_funds", "posted"]
    assert ledger.balance_minor(target) == 12
