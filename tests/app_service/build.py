"""Builders of transactions and accounts for tests."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from app_service.database.database import Connection, Pool
from app_service.ledger.actor import Actor, Path, Role
from app_service.ledger.domain import NewAccount
from app_service.ledger.kinds import Kind
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction
from app_service.ledger.verdict import Verdict
from app_service.posting import accounts
from app_service.posting.posting import post_transactions
from tests.patience import PATIENCE_SECONDS

OPERATOR = Actor(client_id="bank", user_id="alice", path=Path.API, role=Role.OPERATOR)

LOCK_WAIT_MS = 60_000  # longer than any test keeps a lock


def soon() -> float:
    """A deadline that no test reaches."""
    return asyncio.get_running_loop().time() + PATIENCE_SECONDS


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


def hold(amount: int = 10, *, debit: int = 2, credit: int = 3) -> Transaction:
    """Reserves money of account 2 for account 3."""
    return replace(transaction(debit, credit, amount), kind=Kind.HOLD, expires_in_seconds=60)


def to_target(kind: Kind, target: Transaction, amount: int | None = None) -> Transaction:
    """A capture, void or reversal of `target`."""
    return Transaction(
        transaction_id=uuid4(), kind=kind, target_id=target.transaction_id, amount_minor=amount
    )


def chain(*transactions: Transaction) -> list[Transaction]:
    """They post whole or not at all."""
    return [*(replace(each, linked=True) for each in transactions[:-1]), transactions[-1]]


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


async def post_on(
    connection: Connection, *transactions: Transaction, actor: Actor = OPERATOR
) -> list[Verdict]:
    batch = submitted(*transactions, actor=actor)
    return await post_transactions(connection, batch, lock_wait_ms=LOCK_WAIT_MS)


async def post(pool: Pool, *transactions: Transaction, actor: Actor = OPERATOR) -> list[Verdict]:
    async with pool.acquire() as connection:
        return await post_on(connection, *transactions, actor=actor)


async def post_submissions(pool: Pool, *submissions: Submission) -> list[Verdict]:
    async with pool.acquire() as connection:
        return await post_transactions(connection, submissions, lock_wait_ms=LOCK_WAIT_MS)


async def balance(pool: Pool, account_id: int) -> int:
    async with pool.acquire() as connection:
        return (await accounts.account(connection, account_id)).balance_minor
