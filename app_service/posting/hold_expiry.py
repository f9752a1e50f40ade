"""Releases holds whose time is over. Until then they reserve money that nobody can capture."""

import asyncio
import logging
from uuid import UUID, uuid5

from app_service.database.database import Connection, Database
from app_service.ledger.actor import Actor, Path, Role
from app_service.ledger.domain import LedgerError
from app_service.ledger.kinds import Kind
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction
from app_service.posting.account_locks import LockNotGranted
from app_service.posting.posting import post_transactions
from app_service.repeated_work import RepeatedWork

POLL_SECONDS = 5.0
PASS_SECONDS = 5.0
HOLDS_MAX = 200  # in one call: it locks their accounts
LOCK_WAIT_MS = 500  # then the next pass tries again
# From the id of a hold follows that of its expiry: two tasks that release it do so once.
_EXPIRIES = UUID("0b3f7d4e-5f0c-4c55-9d0e-6d1b8a52f3a1")
_ACTOR = Actor(client_id="ledger", user_id="hold-expiry", path=Path.LEDGER, role=Role.OPERATOR)
_EXPIRED_SQL = """
SELECT hold_id FROM ledger.holds WHERE state = 'pending' AND expires_at <= clock_timestamp()
 ORDER BY expires_at LIMIT $1
"""

logger = logging.getLogger(__name__)


class HoldExpiry(RepeatedWork):
    """Each task has one."""

    def __init__(self, *, database: Database, poll_seconds: float = POLL_SECONDS) -> None:
        super().__init__(
            self._expire_due,
            pause_seconds=poll_seconds,
            failure="holds not expired",
            logger=logger,
            expected=(LedgerError, LockNotGranted),
        )
        self._database = database

    async def _expire_due(self) -> bool:
        return await self.expire_once() == HOLDS_MAX

    async def expire_once(self) -> int:
        """The number of holds whose time was over, at most HOLDS_MAX."""
        deadline = asyncio.get_running_loop().time() + PASS_SECONDS
        return await self._database.run_once(_expire, deadline=deadline)


async def _expire(connection: Connection) -> int:
    rows = await connection.fetch(_EXPIRED_SQL, HOLDS_MAX)
    if rows:
        expiries = [_expiry_of(row["hold_id"]) for row in rows]
        await post_transactions(connection, expiries, lock_wait_ms=LOCK_WAIT_MS)
    return len(rows)


def _expiry_of(hold_id: UUID) -> Submission:
    expiry = Transaction(
        transaction_id=uuid5(_EXPIRIES, str(hold_id)), kind=Kind.EXPIRY, target_id=hold_id
    )
    return Submission(transaction=expiry, actor=_ACTOR)
