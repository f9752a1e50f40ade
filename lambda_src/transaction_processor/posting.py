"""The ledger of the processor: one SQL call posts a batch and returns one verdict each.

If another session has locked an account of the batch, or the database answers with an error that
the batch causes, the batch is posted in halves, and each half that meets the same in halves again:
only those transactions wait that cause it.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection, PreparedStatement

from app_service.database.sql_states import (
    LOCK_NOT_AVAILABLE,
    LOST_RACE,
    is_unavailable,
    is_wrong_setup,
)
from app_service.ledger.submission import Submission
from app_service.posting.transaction_sql import ATTRIBUTES, arrays_of, post_sql
from lambda_src.shared.database import (
    BROKEN_CONNECTION,
    DatabaseUnavailable,
    close_quietly,
    explain,
    sqlstate,
)
from lambda_src.shared.json_secret import SecretUnreadable
from lambda_src.transaction_processor.array_literals import array_literal

logger = logging.getLogger(__name__)

# The verdict on a transaction that needs an account that another session has locked.
ACCOUNT_BUSY = "account_busy"
# The verdict on a transaction with which alone the call fails.
BATCH_FAILED = "batch_failed"
# Much shorter than the statement's timeout: an account that another session holds is no outage.
_LOCK_WAIT_MS = 1000
# In halves: for each part, and for all parts of a batch together.
_PART_LOCK_WAIT_MS = 100
_PART_LOCK_WAITS_MS = 1500
# After this time no further part is begun: the function must report what was posted.
_PARTS_SECONDS = 8.0
_POST_SQL = post_sql((f":{name}" for name in ATTRIBUTES), lock_wait_ms=":lock_wait_ms")
_ATTEMPTS = 4
_PAUSE_SECONDS = 0.1


class LedgerUnavailable(Exception):
    """The ledger cannot be called with any batch. Whether this batch was posted is unknown.

    Try again after `wait_seconds`, spread over `spread_seconds` more. This is safe: a transaction
    id moves money once.
    """

    def __init__(self, reason: str, *, wait_seconds: int = 0, spread_seconds: int = 0) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds
        self.spread_seconds = spread_seconds


class BatchFailed(Exception):
    """The ledger answered with an error that this batch caused. Nothing was posted."""


class _AccountBusy(Exception):
    """An account was locked for the whole wait. Nothing was posted."""


class SqlLedger:
    """Keeps one connection across invocations; the next `post` replaces a broken one.

    `connect` opens a connection that can write. `pause_up_to` sleeps for a random part of the
    given seconds, so that two callers that collided do not collide again.
    """

    def __init__(
        self,
        *,
        connect: Callable[[], Connection],
        pause_up_to: Callable[[float], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._now = now
        self._pause_up_to = pause_up_to
        self._connection: Connection | None = None
        self._statement: PreparedStatement | None = None

    def post(self, submissions: Sequence[Submission]) -> list[str]:
        """Post all in one call and one commit; one verdict each, in order.

        A transaction that needs a locked account is not posted and gets ACCOUNT_BUSY; one with
        which the call fails gets BATCH_FAILED. Raises LedgerUnavailable, or BatchFailed if there is
        only one.
        """
        try:
            return self._post(submissions, lock_wait_ms=_LOCK_WAIT_MS)
        except _AccountBusy:
            if len(submissions) == 1:
                return [ACCOUNT_BUSY]
        except BatchFailed as error:
            if len(submissions) == 1:
                raise
            logger.warning("batch posted in parts", extra={"reason": str(error)})
        return self._post_in_halves(submissions)

    def _post_in_halves(self, submissions: Sequence[Submission]) -> list[str]:
        verdicts: list[str] = []
        wait_left_ms = _PART_LOCK_WAITS_MS
        parts = _halves(submissions)
        ends_at = self._now() + _PARTS_SECONDS
        while parts:
            part = parts.popleft()
            if self._now() > ends_at:  # the rest comes again, like what is locked
                verdicts += [ACCOUNT_BUSY] * len(part)
                continue
            wait_ms = min(_PART_LOCK_WAIT_MS, wait_left_ms)
            try:
                verdicts += self._post(part, lock_wait_ms=wait_ms)
            except _AccountBusy:
                wait_left_ms -= wait_ms
                if len(part) == 1:
                    verdicts.append(ACCOUNT_BUSY)
                else:
                    parts.extendleft(reversed(_halves(part)))
            except BatchFailed as error:
                if len(part) == 1:
                    logger.error("batch failed", extra={"transactions": 1, "reason": str(error)})
                    verdicts.append(BATCH_FAILED)
                else:
                    parts.extendleft(reversed(_halves(part)))
        return verdicts

    def _post(self, submissions: Sequence[Submission], *, lock_wait_ms: int) -> list[str]:
        attempt = 0
        while True:
            attempt += 1
            is_fresh = self._connection is None
            try:
                return self._call(submissions, lock_wait_ms)
            except DatabaseError as error:
                state = sqlstate(error)
                if state == LOCK_NOT_AVAILABLE:
                    raise _AccountBusy from error
                if state not in LOST_RACE or attempt == _ATTEMPTS:
                    self._drop_connection()
                    raise _failure_of(state, explain(error)) from error
                self._pause_up_to(attempt * _PAUSE_SECONDS)
            except BROKEN_CONNECTION as error:
                self._drop_connection()
                # An idle connection may have been closed between invocations: open another.
                if is_fresh or attempt == _ATTEMPTS:
                    raise LedgerUnavailable(f"connection broke: {error}") from error
            except (DatabaseUnavailable, SecretUnreadable) as error:
                raise LedgerUnavailable(str(error)) from error

    def _call(self, submissions: Sequence[Submission], lock_wait_ms: int) -> list[str]:
        if self._statement is None:
            self._connection = self._connect()
            self._statement = self._connection.prepare(_POST_SQL)
        arrays = arrays_of(submissions).items()
        literals = {name: array_literal(values) for name, values in arrays}
        rows = self._statement.run(**literals, lock_wait_ms=lock_wait_ms)
        return [status for (status,) in rows]

    def _drop_connection(self) -> None:
        if self._connection is not None:
            close_quietly(self._connection)
        self._connection = None
        self._statement = None


def _failure_of(state: str, reason: str) -> LedgerUnavailable | BatchFailed:
    """A database that is set up wrongly is an outage: the messages wait until it is repaired."""
    if is_wrong_setup(state):
        logger.error("wrong setup of the database", extra={"wrong_setup": 1, "reason": reason})
        return LedgerUnavailable(reason)
    return LedgerUnavailable(reason) if is_unavailable(state) else BatchFailed(reason)


def _halves(submissions: Sequence[Submission]) -> deque[Sequence[Submission]]:
    middle = len(submissions) // 2
    return deque([submissions[:middle], submissions[middle:]])
