"""Entries, balances as of a moment, and statements of an account in SQL.

A balance as of a moment is exact also for the last second: the ledger first waits for the postings
that have taken their time and are not committed (ledger.settled_account).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from app_service.database.database import Connection
from app_service.ledger.domain import Account, AccountBusy, Entry, rfc3339
from app_service.ledger.fields import MAX_INTEGER, InvalidField

# How long a read waits for postings of the account that are not committed.
LOCK_WAIT_MS = 250
# The sums of a statement are added up for every page of it.
STATEMENT_ENTRIES_MAX = 100_000

_ENTRIES = """
SELECT e.account_version AS version, e.transaction_id, t.kind, e.amount_minor,
       e.balance_after_minor, t.reference, t.posted_at,
       CASE WHEN e.amount_minor < 0 THEN t.credit_account ELSE t.debit_account END
           AS counter_account
  FROM ledger.entries e JOIN ledger.transactions t ON t.transaction_id = e.transaction_id
 WHERE e.account_id = $1 AND e.account_version"""
_NEWEST_ENTRIES_SQL = f"{_ENTRIES} < $2 ORDER BY e.account_version DESC LIMIT $3"
_STATEMENT_SQL = f"{_ENTRIES} BETWEEN $2 AND $3 ORDER BY e.account_version LIMIT $4"
_BEFORE_SQL = "SELECT ledger.entries_before($1, $2, $3)"
_SETTLED_SQL = "SELECT version, settled_at FROM ledger.settled_account($1, $2)"
_BALANCE_SQL = """
SELECT balance_after_minor FROM ledger.entries WHERE account_id = $1 AND account_version = $2
"""
_SUMS_SQL = """
SELECT coalesce(-sum(amount_minor) FILTER (WHERE amount_minor < 0), 0) AS debits_minor,
       coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0) AS credits_minor
  FROM ledger.entries WHERE account_id = $1 AND account_version BETWEEN $2 AND $3
"""
_SHORTEST = timedelta(microseconds=1)  # the resolution of all times of the ledger


class StatementTooLong(Exception):
    """The message says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PastBalance:
    """What holds reserved and the state of the account are not kept for the past."""

    account_id: int
    currency: str
    owner: str | None
    as_of: datetime
    balance_minor: int
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """The entries from `first` to `last` and the balances around them; empty if last < first."""

    first: int
    last: int
    opening_balance_minor: int
    closing_balance_minor: int
    debits_minor: int
    credits_minor: int


async def newest_entries(
    connection: Connection, account: Account, *, before: int, limit: int
) -> list[Entry]:
    """Newest first, with versions below `before`."""
    rows = await connection.fetch(_NEWEST_ENTRIES_SQL, account.account_id, before, limit)
    return [Entry(**dict(row)) for row in rows]


async def entries_of(
    connection: Connection, account: Account, *, first: int, last: int, limit: int
) -> list[Entry]:
    """Oldest first."""
    rows = await connection.fetch(_STATEMENT_SQL, account.account_id, first, last, limit)
    return [Entry(**dict(row)) for row in rows]


async def entries_before(connection: Connection, account: Account, moment: datetime) -> int:
    """How many of the entries that `account` was read with are before the moment."""
    found: int = await connection.fetchval(_BEFORE_SQL, account.account_id, account.version, moment)
    return found


async def balance_as_of(connection: Connection, account: Account, moment: datetime) -> PastBalance:
    """After everything that was posted until the moment. Raises InvalidField if it is to come."""
    settled = await _settled(connection, account)
    if moment >= settled.settled_at:
        raise _to_come("as_of", settled)
    version = await _entries_before(connection, account, settled.version, moment + _SHORTEST)
    return PastBalance(
        account_id=account.account_id,
        currency=account.currency,
        owner=account.owner,
        as_of=moment,
        balance_minor=await _balance(connection, account, version),
        version=version,
    )


async def period(
    connection: Connection, account: Account, *, since: datetime, until: datetime
) -> Period:
    """Raises InvalidField if `until` is to come, StatementTooLong."""
    settled = await _settled(connection, account)
    for name, moment in (("from", since), ("to", until)):
        if moment > settled.settled_at:
            raise _to_come(name, settled)
    before = await _entries_before(connection, account, settled.version, since)
    last = await _entries_before(connection, account, settled.version, until)
    first = before + 1
    if last - before > STATEMENT_ENTRIES_MAX:
        raise StatementTooLong(
            f"the period has {last - before} entries and a statement has at most "
            f"{STATEMENT_ENTRIES_MAX}; ask for shorter periods, whose balances and sums join"
        )
    sums = await connection.fetchrow(_SUMS_SQL, account.account_id, first, last)
    assert sums is not None
    debited, credited = int(sums["debits_minor"]), int(sums["credits_minor"])
    if max(debited, credited) > MAX_INTEGER:
        raise StatementTooLong(
            "the sum of the period's debits or credits passes 2^53-1; ask for shorter periods"
        )
    return Period(
        first=first,
        last=last,
        opening_balance_minor=await _balance(connection, account, before),
        closing_balance_minor=await _balance(connection, account, last),
        debits_minor=debited,
        credits_minor=credited,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Settled:
    """The number of entries before `settled_at`, for good."""

    version: int
    settled_at: datetime


async def _settled(connection: Connection, account: Account) -> _Settled:
    """Raises AccountBusy."""
    try:
        row = await connection.fetchrow(_SETTLED_SQL, account.account_id, LOCK_WAIT_MS)
    except asyncpg.LockNotAvailableError:
        raise AccountBusy from None
    assert row is not None  # accounts are never deleted
    return _Settled(**dict(row))


def _to_come(name: str, settled: _Settled) -> InvalidField:
    return InvalidField(
        f"{name}: must be earlier than now, {rfc3339(settled.settled_at)} by the ledger's clock; "
        "what is posted until a later moment is not known yet"
    )


async def _entries_before(
    connection: Connection, account: Account, versions: int, moment: datetime
) -> int:
    found: int = await connection.fetchval(_BEFORE_SQL, account.account_id, versions, moment)
    return found


async def _balance(connection: Connection, account: Account, version: int) -> int:
    found: int = await connection.fetchval(_BALANCE_SQL, account.account_id, version) or 0
    return found
