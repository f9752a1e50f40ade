"""The only call that writes money."""

from collections.abc import Sequence

import asyncpg

from app_service.ledger.account_locks import LockNotGranted
from app_service.ledger.database import Connection
from app_service.ledger.domain import Verdict
from app_service.ledger.transaction import COLUMNS, SQL_TYPES, Transaction
from app_service.ledger.transaction_sql import arrays_of, post_sql

# The limit of a lock wait is set before the function is called, because its argument needs it.
_ARRAYS = [f"${position}" for position, _ in enumerate(COLUMNS, start=1)]
_LOCK_WAIT = f"set_config('lock_timeout', ${len(COLUMNS) + 1}, true)"
_FIRST = f"CASE WHEN (SELECT {_LOCK_WAIT}) IS NOT NULL THEN {_ARRAYS[0]}::{SQL_TYPES[0]}[] END"
_POST_SQL = post_sql([_FIRST, *_ARRAYS[1:]])


async def post_transactions(
    connection: Connection, transactions: Sequence[Transaction], *, lock_wait_ms: int
) -> list[Verdict]:
    """Post up to 1000 transactions in their order and in one commit; one verdict each.

    Call outside a database transaction. Safe to repeat: an id moves money once, and a repeated
    call answers `replayed` for what was posted before.

    Raises LockNotGranted if it would wait for one lock longer than `lock_wait_ms`, at least 1.
    """
    try:
        rows = await connection.fetch(
            _POST_SQL, *arrays_of(transactions).values(), str(lock_wait_ms)
        )
    except asyncpg.LockNotAvailableError as error:
        raise LockNotGranted from error
    return [Verdict(row[0]) for row in rows]
