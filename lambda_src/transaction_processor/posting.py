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
from app_service.posting.transaction_sql import ATTRIBUTES, arrays_of, origins_of, post_sql
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

# Verdicts on a transaction that is not posted, and whose message comes again.
ACCOUNT_BUSY = "account_busy"  # another session has locked an account of it
POSTING_FAILED = "posting_failed"  # the database answers with an error to it alone
NO_TIME = "no_time"  # its turn did not come in this call of the function
COMES_AGAIN = frozenset({ACCOUNT_BUSY, POSTING_FAILED, NO_TIME})
# Much shorter than the statement's timeout: an account that another session holds is no outage.
_LOCK_WAIT_MS = 1000
# After the first call: for each part, and for all parts of a batch together.
_PART_LOCK_WAIT_MS = 100
_PART_LOCK_WAITS_MS = 1500
# After this time no part is begun: the function must report what was posted.
_POSTING_SECONDS = 9.0
_POST_SQL = post_sql(
    (f":{name}" for name in ATTRIBUTES), lock_wait_ms=":lock_wait_ms", origin_ids=":origin_ids"
)
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


class _NotPosted(Exception):
    """The ledger answered, and posted nothing of this part. `verdict` is that of a single one."""

    verdict = POSTING_FAILED


class _AccountBusy(_NotPosted):
    """An account was locked for the whole wait."""

    verdict = ACCOUNT_BUSY


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

        Those that cannot be posted get a verdict of COMES_AGAIN. Raises LedgerUnavailable.
        """
        verdicts: list[str] = []
        parts = deque([submissions])
        wait_ms, waits_left_ms = _LOCK_WAIT_MS, _PART_LOCK_WAITS_MS
        ends_at = self._now() + _POSTING_SECONDS
        while parts:
            part = parts.popleft()
            if self._now() > ends_at:
                verdicts += [NO_TIME] * len(part)
                continue
            try:
                verdicts += self._post(part, lock_wait_ms=wait_ms)
            except _NotPosted as error:
                if len(part) > 1:
                    parts.extendleft(reversed(_halves(part)))
                else:
                    verdicts.append(error.verdict)
                if error.verdict == POSTING_FAILED:
                    logger.error(
                        "posting failed", extra={"transactions": len(part), "reason": str(error)}
                    )
                elif part is not submissions:
                    waits_left_ms -= wait_ms
            wait_ms = min(_PART_LOCK_WAIT_MS, waits_left_ms)
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
                    raise _AccountBusy(explain(error)) from error
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
        rows = self._statement.run(
            **literals,
            lock_wait_ms=lock_wait_ms,
            origin_ids=array_literal(origins_of(submissions)),
        )
        return [status for (status,) in rows]

    def _drop_connection(self) -> None:
        if self._connection is not None:
            close_quietly(self._connection)
        self._connection = None
        self._statement = None


def _failure_of(state: str, reason: str) -> LedgerUnavailable | _NotPosted:
    """A database that is set up wrongly is an outage: the messages wait until it is repaired."""
    if is_wrong_setup(state):
        logger.error("wrong setup of the database", extra={"wrong_setup": 1, "reason": reason})
        return LedgerUnavailable(reason)
    return LedgerUnavailable(reason) if is_unavailable(state) else _NotPosted(reason)


def _halves(submissions: Sequence[Submission]) -> list[Sequence[Submission]]:
    middle = len(submissions) // 2
    return [submissions[:middle], submissions[middle:]]
