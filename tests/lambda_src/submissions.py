"""Messages of the transaction queue, and accounts for them to move money between."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

from pg8000.native import Connection

from app_service.ledger.actor import Actor, Path, Role
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction
from tests.app_service import build

BANK, ALICE, EUROS, NOBODY = 1, 2, 3, 99
SENDER = Actor(
    client_id="transaction-queue", user_id="AIDATEST", path=Path.QUEUE, role=Role.OPERATOR
)


def transaction(number: int, **changes: Any) -> Transaction:
    """From the bank, which may go negative, to Alice: 100 cents unless changed."""
    return replace(build.transaction(BANK, ALICE, 100, id=UUID(int=number)), **changes)


def submitted(*transactions: Transaction) -> list[Submission]:
    """As the processor gives them to the ledger."""
    return [Submission(transaction=each, actor=SENDER) for each in transactions]


def body_of(wanted: Transaction) -> str:
    """The message that asks for it."""
    return json.dumps(
        {"type": "transaction.submitted", "version": 1, "transaction": wanted.to_json()}
    )


def open_accounts(session: Connection) -> None:
    session.run(
        "INSERT INTO ledger.accounts (account_id, currency, may_go_negative)"
        f" VALUES ({BANK}, 'USD', true), ({ALICE}, 'USD', false), ({EUROS}, 'EUR', true)"
    )


def balance(session: Connection, account_id: int) -> int:
    [[found]] = session.run(
        "SELECT balance_minor FROM ledger.accounts WHERE account_id = :id", id=account_id
    )
    return int(found)
