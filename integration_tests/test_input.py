"""Requests that could be understood in two ways move nothing."""

import json

from integration_tests.ledger_client import LedgerClient, new_transaction


def test_a_key_that_comes_twice_is_refused(ledger: LedgerClient) -> None:
    """Else the amount that a proxy has checked may not be the amount that is posted."""
    source = ledger.open_account(may_go_negative=True)
    target = ledger.open_account()
    body = json.dumps(new_transaction(source, target, 1))
    refused = ledger.call(
        "POST",
        "/transactions",
        data=body.replace("}", ', "amount_min\\u006fr": 1000000}'),
        headers={"Content-Type": "application/json"},
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_json")
    assert "key 'amount_minor' comes twice" in refused.json()["detail"]
    assert ledger.balance_minor(target) == 0


def test_an_account_tells_the_decimal_places_of_its_currency(ledger: LedgerClient) -> None:
    for currency, exponent in (("JPY", 0), ("USD", 2), ("KWD", 3)):
        account_id = ledger.open_account(currency=currency)
        account = ledger.call("GET", f"/accounts/{account_id}").json()
        assert account["currency_exponent"] == exponent
    unknown = {"account_id": account_id, "currency": "ZZZ"}
    refused = ledger.call("POST", "/accounts", json=unknown)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
