"""Accounts, their entries and posted transactions in SQL."""

import json
from uuid import UUID

from app_service.ledger.actor import Actor
from app_service.ledger.currencies import EXPONENTS
from app_service.ledger.database import Connection
from app_service.ledger.domain import (
    Account,
    AccountConflict,
    AccountNotFound,
    Entry,
    NewAccount,
    PostedTransaction,
    TransactionNotFound,
)
from app_service.ledger.transaction import COLUMNS, Transaction
from app_service.ledger.transaction_sql import POSTING_FUNCTION

_OPEN_SQL = """
INSERT INTO ledger.accounts (account_id, currency, may_go_negative, owner, opened_by)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id) DO NOTHING
"""
_ACCOUNT_SQL = """
SELECT account_id, currency, may_go_negative, owner, state, balance_minor, held_minor, version
  FROM ledger.accounts WHERE account_id = $1
"""
_ENTRIES_SQL = """
SELECT e.account_version AS version, e.transaction_id, e.amount_minor, e.balance_after_minor,
       t.posted_at
  FROM ledger.entries e JOIN ledger.transactions t USING (transaction_id)
 WHERE e.account_id = $1 AND e.account_version < $2
 ORDER BY e.account_version DESC LIMIT $3
"""
_STORED = tuple(name for name in COLUMNS if name != "linked")
_TRANSACTION_SQL = (
    f"SELECT {', '.join(_STORED)}, posted_at FROM ledger.transactions"
    " WHERE transaction_id = $1 AND state = 'posted'"
)
_PROBE_SQL = "SELECT to_regproc($1)"


class SchemaMissing(Exception):
    """The database answers, but it does not hold the schema that this version needs."""


async def open_account(
    connection: Connection, new: NewAccount, actor: Actor
) -> tuple[Account, bool]:
    """The account, and whether this call opened it. Safe to repeat.

    Raises AccountConflict if the number belongs to an account with another currency, flag or owner.
    """
    owner = new.owner if new.owner is not None else actor.client_id
    done = await connection.execute(
        _OPEN_SQL, new.account_id, new.currency, new.may_go_negative, owner, actor.user_id
    )
    found = await account(connection, new.account_id)
    wanted = (new.currency, new.may_go_negative, owner)
    if (found.currency, found.may_go_negative, found.owner) != wanted:
        raise AccountConflict(new.account_id)
    return found, done == "INSERT 0 1"


async def account(connection: Connection, account_id: int) -> Account:
    """Raises AccountNotFound."""
    row = await connection.fetchrow(_ACCOUNT_SQL, account_id)
    if row is None:
        raise AccountNotFound(account_id)
    return Account(**dict(row), currency_exponent=EXPONENTS.get(row["currency"]))


async def entries(
    connection: Connection, account_id: int, *, before: int, limit: int
) -> list[Entry]:
    """Newest first, with versions below `before`. Raises AccountNotFound."""
    rows = await connection.fetch(_ENTRIES_SQL, account_id, before, limit)
    if not rows:
        await account(connection, account_id)
    return [Entry(**dict(row)) for row in rows]


async def transaction(connection: Connection, transaction_id: UUID) -> PostedTransaction:
    """Raises TransactionNotFound, also for a refused transaction: refusals are not stored."""
    row = await connection.fetchrow(_TRANSACTION_SQL, transaction_id)
    if row is None:
        raise TransactionNotFound(transaction_id)
    return PostedTransaction(
        transaction=Transaction(
            **{name: row[name] for name in _STORED if name != "metadata"},
            metadata=None if row["metadata"] is None else json.loads(row["metadata"]),
        ),
        posted_at=row["posted_at"],
    )


async def probe(connection: Connection) -> None:
    """Raises SchemaMissing unless the database holds the posting function of this version."""
    if await connection.fetchval(_PROBE_SQL, POSTING_FUNCTION) is None:
        raise SchemaMissing
