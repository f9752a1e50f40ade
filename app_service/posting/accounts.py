"""Accounts in SQL."""

import asyncpg

from app_service.database.database import Connection
from app_service.ledger.actor import Actor
from app_service.ledger.currencies import EXPONENTS
from app_service.ledger.domain import (
    Account,
    AccountBusy,
    AccountClosed,
    AccountConflict,
    AccountNotEmpty,
    AccountNotFound,
    AccountState,
    NewAccount,
)
from app_service.ledger.visibility import check_visible
from app_service.posting.transaction_sql import POSTING_FUNCTION

_OPEN_SQL = """
INSERT INTO ledger.accounts (account_id, currency, may_go_negative, owner, opened_by)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id) DO NOTHING
"""
_ACCOUNTS = """
SELECT account_id, currency, may_go_negative, owner, state, balance_minor, held_minor,
       balance_minor - held_minor AS available_minor, version
  FROM ledger.accounts"""
_ACCOUNT_SQL = f"{_ACCOUNTS} WHERE account_id = $1"
# Apart, so that each has its index.
_ALL_SQL = f"{_ACCOUNTS} WHERE account_id > $1 ORDER BY account_id LIMIT $2"
_OF_OWNER_SQL = f"{_ACCOUNTS} WHERE account_id > $1 AND owner = $3 ORDER BY account_id LIMIT $2"
# How long a change of state waits for the postings of the account. A popular one is free sooner.
LOCK_WAIT_MS = 500
_CHANGE_STATE_SQL = """
WITH limited AS MATERIALIZED (SELECT set_config('lock_timeout', $5, true))
SELECT ledger.change_account_state($1, $2, $3, $4) FROM limited
"""
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
    return _account(row)


async def visible_account(connection: Connection, account_id: int, actor: Actor) -> Account:
    """Raises AccountNotFound, also if the actor may not see it."""
    found = await account(connection, account_id)
    check_visible(found, actor)
    return found


async def list_accounts(
    connection: Connection, *, owner: str | None, above: int, limit: int
) -> list[Account]:
    """By number, from the first one above `above`; of all owners if `owner` is None."""
    if owner is None:
        rows = await connection.fetch(_ALL_SQL, above, limit)
    else:
        rows = await connection.fetch(_OF_OWNER_SQL, above, limit, owner)
    return [_account(row) for row in rows]


async def change_state(
    connection: Connection, found: Account, state: AccountState, actor: Actor
) -> Account:
    """The account in its new state. Safe to repeat.

    Raises AccountClosed, AccountNotEmpty, or AccountBusy if the account stays locked.
    """
    try:
        changed = await connection.fetchval(
            _CHANGE_STATE_SQL,
            found.account_id,
            state,
            actor.client_id,
            actor.user_id,
            str(LOCK_WAIT_MS),
        )
    except asyncpg.LockNotAvailableError:
        raise AccountBusy from None
    after = await account(connection, found.account_id)
    if changed:
        return after
    if state == AccountState.CLOSED:
        raise AccountNotEmpty(found.account_id)
    raise AccountClosed(found.account_id)


def _account(row: asyncpg.Record) -> Account:
    return Account(**dict(row), currency_exponent=EXPONENTS.get(row["currency"]))


async def probe(connection: Connection) -> None:
    """Raises SchemaMissing unless the database holds the posting function of this version."""
    if await connection.fetchval(_PROBE_SQL, POSTING_FUNCTION) is None:
        raise SchemaMissing
