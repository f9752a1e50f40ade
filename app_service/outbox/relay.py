"""Sends the outbox to the audit queue: at least once, and never before the commit."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from app_service.database.database import Connection, Database
from app_service.ledger.domain import LedgerError
from app_service.outbox import outbox
from app_service.outbox.outbox import Event, Waiting
from app_service.outbox.queue_messages import groups

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

POLL_SECONDS = 1.0
PAUSE_MAX_SECONDS = 30.0
# A pass sends up to 100 messages. The role's session may be idle in a transaction as long (0003).
PASS_SECONDS = 15.0
COUNT_SECONDS = 5.0
LAST_PASSES_SECONDS = 3.0  # other tasks send the rest; ECS kills 30 s after the signal to stop

logger = logging.getLogger(__name__)


class NotSent(Exception):
    """The queue refused some messages or all; their rows stay and are sent again."""


class OutboxRelay:
    """Sends outbox rows to the audit queue and deletes those that the queue acknowledged.

    Each task has one; it skips rows that another one holds. After a crash between acknowledgement
    and commit a batch is sent again with the same batch_id, by which the audit writer detects it.
    """

    def __init__(
        self,
        *,
        database: Database,
        queue: "SQSClient",
        queue_url: str,
        executor: Executor,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._database = database
        self._queue = queue
        self._queue_url = queue_url
        self._executor = executor
        self._poll_seconds = poll_seconds
        self._awake = asyncio.Event()
        self._stopped = asyncio.Event()

    def wake(self) -> None:
        """Start the next pass now instead of at the next poll."""
        self._awake.set()

    def stop(self) -> None:
        """Let `run` return when everything is sent or `LAST_PASSES_SECONDS` are over."""
        self._stopped.set()
        self._awake.set()

    async def run(self) -> None:
        """Relay until `stop`. A failure is logged and tried again, after pauses that grow."""
        pause = self._poll_seconds
        while not self._stopped.is_set():
            self._awake.clear()
            try:
                sent = await self.relay_once()
            except Exception as error:  # noqa: BLE001 - the loop continues after every failure
                pause = min(2 * pause, PAUSE_MAX_SECONDS)
                _log_failure(error, again_in_seconds=pause)
                await _wait(self._stopped, pause)
            else:
                pause = self._poll_seconds
                if sent == 0:
                    await _wait(self._awake, pause)
        try:
            await self._relay_what_is_left()
        except Exception as error:  # noqa: BLE001 - another task sends the rest, or the next one
            _log_failure(error, again_in_seconds=None)

    async def _relay_what_is_left(self) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + LAST_PASSES_SECONDS  # other tasks go on posting
        while await self.relay_once() > 0 and clock() < deadline:
            pass

    async def probe(self) -> None:
        """Raises a boto3 error if the audit queue does not answer."""
        ask = partial(
            self._queue.get_queue_attributes,
            QueueUrl=self._queue_url,
            AttributeNames=["ApproximateNumberOfMessages"],
        )
        await asyncio.get_running_loop().run_in_executor(self._executor, ask)

    async def waiting(self) -> Waiting:
        """The backlog of all tasks together."""
        return await self._database.run_once(outbox.waiting, deadline=_in(COUNT_SECONDS))

    async def relay_once(self) -> int:
        """The number of batches sent and deleted. Raises NotSent if the queue refused any.

        If the time is over before all are deleted, they are sent again by a later pass.
        """
        sent, refusals = await self._database.run_once(self._relay, deadline=_in(PASS_SECONDS))
        if refusals:
            raise NotSent(f"the audit queue refused: {', '.join(sorted(set(refusals)))}")
        return sent

    async def _relay(self, connection: Connection) -> tuple[int, list[str]]:
        async with connection.transaction():
            events = await outbox.lock_oldest_events(connection)
            sends = groups(events, size_of=lambda event: len(event.body))
            outcomes = await asyncio.gather(*map(self._send, sends))
            sent = [outbox_id for acknowledged, _ in outcomes for outbox_id in acknowledged]
            await outbox.delete_events(connection, sent)
        return len(sent), [code for _, refusals in outcomes for code in refusals]

    async def _send(self, events: Sequence[Event]) -> tuple[list[int], list[str]]:
        """The outbox ids that the queue acknowledged, and the error codes of the others."""
        send = partial(
            self._queue.send_message_batch,
            QueueUrl=self._queue_url,
            Entries=[{"Id": str(e.outbox_id), "MessageBody": e.body.decode()} for e in events],
        )
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._executor, send)
        except (BotoCoreError, ClientError) as error:
            return [], [type(error).__name__]
        acknowledged = [int(entry["Id"]) for entry in answer.get("Successful", [])]
        return acknowledged, [entry["Code"] for entry in answer.get("Failed", [])]


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
