"""Builders of transactions and accounts for tests."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from app_service.ledger import accounts
from app_service.ledger.actor import Actor, Path, Role
from app_service.ledger.database import Pool
from app_service.ledger.domain import NewAccount
from app_service.ledger.posting import post_transactions
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction
from app_service.ledger.verdict import Verdict

OPERATOR = Actor(client_id="bank", user_id="alice", path=Path.API, role=Role.OPERATOR)


def transaction(
    debit: int = 1,
    credit: int = 2,
    amount: int = 10,
    currency: str = "USD",
    *,
    id: UUID | None = None,  # noqa: A002 - the shortest name that reads well in a call
) -> Transaction:
    return Transaction(
        transaction_id=id if id is not None else uuid4(),
        debit_account=debit,
        credit_account=credit,
        amount_minor=amount,
        currency=currency,
    )


def document(**changes: Any) -> dict[str, Any]:
    """A valid transaction as JSON has it, with changes."""
    return transaction().to_json() | changes


async def open_accounts(pool: Pool, *account_ids: int, negative: Sequence[int] = (1,)) -> None:
    """USD accounts; those in `negative` may go below zero, so that money can come from them."""
    for account_id in account_ids:
        new = NewAccount(
            account_id=account_id, currency="USD", may_go_negative=account_id in negative
        )
        async with pool.acquire() as connection:
            await accounts.open_account(connection, new, OPERATOR)


def submitted(*transactions: Transaction, actor: Actor = OPERATOR) -> list[Submission]:
    return [Submission(transaction=each, actor=actor) for each in transactions]


async def post(pool: Pool, *transactions: Transaction, actor: Actor = OPERATOR) -> list[Verdict]:
    async with pool.acquire() as connection:
        return await post_transactions(connection, submitted(*transactions, actor=actor))


async def balance(pool: Pool, account_id: int) -> int:
    async with pool.acquire() as connection:
        return (await accounts.account(connection, account_id)).balance_minor
