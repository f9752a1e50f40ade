"""Locks of accounts that other sessions hold: another task, the processor, or a person."""

from collections.abc import Collection

import asyncpg

from app_service.database.database import Connection

_HELD_SQL = "SELECT ledger.held_accounts($1)"
_WAIT_SQL = "SELECT ledger.wait_for_account($1, $2)"


class LockNotGranted(Exception):
    """Another session held an account for longer than the call could wait; nothing was written."""


async def held_accounts(connection: Connection, account_ids: Collection[int]) -> frozenset[int]:
    """Those of the accounts that another session has locked now."""
    return frozenset(row[0] for row in await connection.fetch(_HELD_SQL, list(account_ids)))


async def wait_for_account(connection: Connection, account_id: int, *, lock_wait_ms: int) -> None:
    """Return when the account's lock was granted and given back. Raises LockNotGranted."""
    try:
        await connection.execute(_WAIT_SQL, account_id, lock_wait_ms)
    except asyncpg.LockNotAvailableError as error:
        raise LockNotGranted from error
