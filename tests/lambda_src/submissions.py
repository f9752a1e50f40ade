"""Messages of the transaction queue, and accounts for them to move money between."""

import json
from typing import Any
from uuid import UUID

from app_service.ledger.transaction import Transaction
from tests.lambda_src.cluster import Cluster

BANK, ALICE, EUROS, NOBODY = 1, 2, 3, 99


def transaction(number: int, **changes: Any) -> Transaction:
    """From the bank, which may go negative, to Alice: 100 cents unless changed."""
    values: dict[str, Any] = {
        "transaction_id": UUID(int=number),
        "debit_account": BANK,
        "credit_account": ALICE,
        "amount_minor": 100,
        "currency": "USD",
    }
    return Transaction(**(values | changes))


def submission(wanted: Transaction) -> str:
    return json.dumps(
        {"type": "transaction.submitted", "version": 1, "transaction": wanted.to_json()}
    )


def open_accounts(cluster: Cluster, database: str) -> None:
    with cluster.session(database) as master:
        master.run(
            "INSERT INTO ledger.accounts (account_id, currency, may_go_negative)"
            f" VALUES ({BANK}, 'USD', true), ({ALICE}, 'USD', false), ({EUROS}, 'EUR', true)"
        )


def balance(cluster: Cluster, database: str, account_id: int) -> int:
    with cluster.session(database) as master:
        [[found]] = master.run(
            "SELECT balance_minor FROM ledger.accounts WHERE account_id = :id", id=account_id
        )
    return int(found)
