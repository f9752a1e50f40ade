"""Sends what was posted to the audit queue: at least once, and never before the commit."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from uuid import UUID

from app_service.database.database import Connection, Database
from app_service.ledger.domain import LedgerError
from app_service.log_messages import BATCH_SENT
from app_service.outbox import outbox
from app_service.outbox.audit_queue import AuditQueue, Refused
from app_service.outbox.batch_trace import only_trace
from app_service.outbox.outbox import Taken, Waiting

WORKERS = 2  # while one waits for the queue, the other one makes up the next messages
# At low load, between two calls of `take_batches`: what is posted in it becomes one audit object.
LINGER_SECONDS = 1.0
POLL_SECONDS = 1.0
PAUSE_MAX_SECONDS = 30.0
# A batch that fails shortly before or after another one was sent has a fault of its own.
SENT_RECENTLY_SECONDS = 30.0
SENDING_SECONDS = 15.0  # then the rest is released: the lease must not end while a call runs
DATABASE_SECONDS = 5.0
LAST_PASSES_SECONDS = 3.0  # other tasks send the rest; ECS kills 30 s after the signal to stop

logger = logging.getLogger(__name__)


class NotSent(Exception):
    """The queue takes nothing; what was taken is released and sent later."""


class OutboxRelay:
    """Seals what was posted into batches, sends each as one message, and records that it is sent.

    Each task has one. A batch is committed before it is sent: after a crash another relay sends the
    same batch again, with the same batch_id, by which the audit writer detects it.
    """

    def __init__(
        self,
        *,
        database: Database,
        queue: AuditQueue,
        linger_seconds: float = LINGER_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._database = database
        self._queue = queue
        self._linger_seconds = linger_seconds
        self._poll_seconds = poll_seconds
        self._pause = poll_seconds
        self._taking = asyncio.Lock()
        self._not_before = 0.0  # in the loop's time: the next taking
        self._is_more = False
        self._sent_at = float("-inf")
        self._awake = asyncio.Event()
        self._stopped = asyncio.Event()

    def wake(self) -> None:
        """Something was posted: take it after the linger, without waiting for the next poll."""
        self._awake.set()

    def stop(self) -> None:
        """Let `run` return when everything is sent or `LAST_PASSES_SECONDS` are over."""
        self._stopped.set()
        self._awake.set()

    async def run(self) -> None:
        """Relay until `stop`. A failure is logged and tried again, after pauses that grow."""
        await asyncio.gather(*(self._worker() for _ in range(WORKERS)))
        try:
            await self._relay_what_is_left()
        except Exception as error:  # noqa: BLE001 - another task sends the rest, or the next one
            _log_failure(error, again_in_seconds=None)

    async def waiting(self) -> Waiting:
        """The backlog of all tasks together."""
        return await self._database.run_once(outbox.waiting, deadline=_in(DATABASE_SECONDS))

    async def relay_once(self) -> int:
        """The number of batches sent. Raises NotSent if the queue takes nothing."""
        return await self._send(await self._take())

    async def _worker(self) -> None:
        while not self._stopped.is_set():
            try:
                async with self._taking:
                    await self._wait_for_turn()
                    if self._stopped.is_set():
                        return
                    taken = await self._take()
                await self._send(taken)
            except Exception as error:  # noqa: BLE001 - the loop continues after every failure
                self._pause = min(2 * self._pause, PAUSE_MAX_SECONDS)
                self._not_before = _in(self._pause)
                _log_failure(error, again_in_seconds=self._pause)

    async def _wait_for_turn(self) -> None:
        if not self._is_more:
            await _wait(self._awake, self._poll_seconds)
        # Also a failure of the other lane may move it.
        while not self._stopped.is_set() and (seconds := self._not_before - _in(0)) > 0:
            await _wait(self._stopped, seconds)

    async def _relay_what_is_left(self) -> None:
        deadline = _in(LAST_PASSES_SECONDS)  # other tasks go on posting
        while await self.relay_once() > 0 and _in(0) < deadline:
            pass

    async def _take(self) -> Taken:
        self._awake.clear()
        taken = await self._database.run_once(outbox.take_batches, deadline=_in(DATABASE_SECONDS))
        self._is_more = taken.is_more
        self._not_before = _in(0 if taken.is_more else self._linger_seconds)
        return taken

    async def _send(self, taken: Taken) -> int:
        deadline = _in(SENDING_SECONDS)
        sent = 0
        refused: list[tuple[UUID, str]] = []
        late: list[UUID] = []
        for batch in taken.batches:
            if _in(0) >= deadline:
                late.append(batch.batch_id)
                continue
            try:
                message_id = await self._queue.send(batch.body, trace_id=only_trace(batch.body))
            except Refused as error:
                refused.append((batch.batch_id, str(error)))
                continue
            logger.info(
                BATCH_SENT, extra={"batch_id": str(batch.batch_id), "message_id": message_id}
            )
            self._sent_at = _in(0)
            self._pause = self._poll_seconds
            await self._record(partial(outbox.record_sent, batch_ids=[batch.batch_id]))
            sent += 1
        if refused and self._sent_at <= _in(-SENT_RECENTLY_SECONDS):
            await self._release([*(batch_id for batch_id, _ in refused), *late])
            codes = sorted({code for _, code in refused})
            raise NotSent(f"the audit queue takes nothing: {', '.join(codes)}")
        await self._release(late)
        for batch_id, code in refused:
            logger.warning("batch refused", extra={"batch_id": str(batch_id), "reason": code})
            await self._record(partial(outbox.record_refused, batch_id=batch_id, error=code))
        return sent

    async def _release(self, batch_ids: Sequence[UUID]) -> None:
        if batch_ids:
            await self._record(partial(outbox.release_batches, batch_ids=batch_ids))

    async def _record(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        await self._database.run_once(work, deadline=_in(DATABASE_SECONDS))


def _in(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _log_failure(error: Exception, *, again_in_seconds: float | None) -> None:
    """One line per failure: a warning if it is expected to pass, else an error with traceback."""
    expected = isinstance(error, NotSent | LedgerError)
    logger.log(
        logging.WARNING if expected else logging.ERROR,
        "relay failed",
        extra={"reason": str(error), "again_in_seconds": again_in_seconds},
        exc_info=None if expected else error,
    )
