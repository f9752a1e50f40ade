"""The only call that writes money."""

from collections.abc import Sequence

import asyncpg

from app_service.database.database import Connection
from app_service.ledger.submission import Submission
from app_service.ledger.verdict import Verdict
from app_service.posting.account_locks import LockNotGranted
from app_service.posting.transaction_sql import ATTRIBUTES, arrays_of, origins_of, post_sql

_POST_SQL = post_sql(
    (f"${position}" for position, _ in enumerate(ATTRIBUTES, start=1)),
    lock_wait_ms=f"${len(ATTRIBUTES) + 1}",
    origin_ids=f"${len(ATTRIBUTES) + 2}",
)


async def post_transactions(
    connection: Connection, submissions: Sequence[Submission], *, lock_wait_ms: int
) -> list[Verdict]:
    """Post up to 1000 transactions in their order and in one commit; one verdict each.

    Call outside a database transaction. Safe to repeat: an id moves money once, and a repeated
    call answers `replayed` for what was posted before.

    Raises LockNotGranted if it would wait for one lock longer than `lock_wait_ms`, at least 1.
    """
    arrays = arrays_of(submissions).values()
    origins = origins_of(submissions)
    try:
        rows = await connection.fetch(_POST_SQL, *arrays, lock_wait_ms, origins)
    except asyncpg.LockNotAvailableError as error:
        raise LockNotGranted from error
    return [Verdict(row[0]) for row in rows]
