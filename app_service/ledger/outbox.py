"""Carries what was posted to the audit queue: at least once, and never before it was committed."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from app_service.ledger.database import Connection, Database
from app_service.ledger.domain import LedgerError, rfc3339
from app_service.ledger.transaction_sql import SELECT_POSTED

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ROWS_MAX = 100
COUNTED_MAX = 10_000
TRANSACTIONS_MAX = 10_000  # held in memory at a time
SEND_ENTRIES_MAX = 10
SEND_BYTES_MAX = 1_048_576  # SQS: a message, and also all messages of one send together
POLL_SECONDS = 1.0
PAUSE_MAX_SECONDS = 30.0
LAST_PASSES_SECONDS = 3.0  # what it leaves is sent by another task; ECS kills 30 s after it asked

_ROWS_SQL = """
SELECT outbox_id, batch_id, transaction_ids, created_at
  FROM ledger.outbox ORDER BY outbox_id LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_TRANSACTIONS_SQL = f"{SELECT_POSTED} WHERE transaction_id = ANY ($1::uuid[])"
# Counting stops where it begins to cost: that there are very many is enough to know.
_WAITING_SQL = """
SELECT (SELECT count(*) FROM (SELECT FROM ledger.outbox LIMIT $1) AS first_ones) AS batches,
       coalesce(extract(epoch FROM clock_timestamp() - (
           SELECT created_at FROM ledger.outbox ORDER BY outbox_id LIMIT 1
       )), 0)::float8 AS oldest_seconds
"""
_DELETE_SQL = "DELETE FROM ledger.outbox WHERE outbox_id = ANY ($1::bigint[])"

logger = logging.getLogger(__name__)


class NotSent(Exception):
    """The queue took some messages or none; the rows of the others stay and are sent again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One posting call that posted something, as the message that tells of it."""

    outbox_id: int
    body: bytes  # UTF-8: SQS counts bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """What is posted, and so acknowledged, and not yet on its way to the audit trail."""

    batches: int  # up to COUNTED_MAX
    oldest_seconds: float  # 0 when nothing waits


class OutboxRelay:
    """Sends outbox rows to the audit queue and deletes those that the queue acknowledged.

    Each task has one; rows that another one holds are skipped. A crash between acknowledgement and
    commit sends a batch again under the same batch_id, by which the audit writer knows it.
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
        """There is something to send: do not wait for the next look."""
        self._awake.set()

    def stop(self) -> None:
        """Let `run` return, once what is there has been sent or `LAST_PASSES_SECONDS` are over."""
        self._stopped.set()
        self._awake.set()

    async def run(self) -> None:
        """Relay until `stop`. Failures are logged and tried again, ever more slowly."""
        pause = self._poll_seconds
        while not self._stopped.is_set():
            self._awake.clear()
            try:
                sent = await self.relay_once()
            except Exception as error:  # noqa: BLE001 - a background loop outlives every failure
                pause = min(2 * pause, PAUSE_MAX_SECONDS)
                _log_failure(error, again_in_seconds=pause)
                await _wait(self._stopped, pause)
            else:
                pause = self._poll_seconds
                if sent == 0:
                    await _wait(self._awake, pause)
        try:
            await self._relay_what_is_left()
        except Exception as error:  # noqa: BLE001 - what is left is sent by another task, or the next
            _log_failure(error, again_in_seconds=None)

    async def _relay_what_is_left(self) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + LAST_PASSES_SECONDS  # other tasks go on posting
        while await self.relay_once() > 0 and clock() < deadline:
            pass

    async def probe(self) -> None:
        """Raises what boto3 raises unless the audit queue answers."""
        ask = partial(
            self._queue.get_queue_attributes,
            QueueUrl=self._queue_url,
            AttributeNames=["ApproximateNumberOfMessages"],
        )
        await asyncio.get_running_loop().run_in_executor(self._executor, ask)

    async def waiting(self) -> Waiting:
        """Of all tasks together."""
        row = await self._database.run(lambda c: c.fetchrow(_WAITING_SQL, COUNTED_MAX))
        assert row is not None  # an aggregate has one row
        return Waiting(batches=row["batches"], oldest_seconds=row["oldest_seconds"])

    async def relay_once(self) -> int:
        """How many batches were sent and deleted. Raises NotSent if the queue refused any."""
        sent, refusals = await self._database.run(self._relay)
        if refusals:
            raise NotSent(f"the audit queue refused: {', '.join(sorted(set(refusals)))}")
        return sent

    async def _relay(self, connection: Connection) -> tuple[int, list[str]]:
        async with connection.transaction():
            events = await _oldest_events(connection)
            outcomes = await asyncio.gather(*(self._send(group) for group in groups(events)))
            sent = [outbox_id for acknowledged, _ in outcomes for outbox_id in acknowledged]
            await connection.execute(_DELETE_SQL, sent)
        return len(sent), [code for _, refusals in outcomes for code in refusals]

    async def _send(self, events: Sequence[Event]) -> tuple[list[int], list[str]]:
        """Outbox ids that the queue acknowledged, and the codes with which it refused others."""
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


def groups(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Events in their order, parted so that SQS takes each part in one send."""
    group: list[Event] = []
    size = 0
    for event in events:
        if group and (len(group) == SEND_ENTRIES_MAX or size + len(event.body) > SEND_BYTES_MAX):
            yield group
            group, size = [], 0
        group.append(event)
        size += len(event.body)
    if group:
        yield group


async def _oldest_events(connection: Connection) -> list[Event]:
    rows = await connection.fetch(_ROWS_SQL, ROWS_MAX)
    taken: list[asyncpg.Record] = []
    ids: list[UUID] = []
    for row in rows:
        if taken and len(ids) + len(row["transaction_ids"]) > TRANSACTIONS_MAX:
            break
        taken.append(row)
        ids += row["transaction_ids"]
    found = {
        row["transaction_id"]: audit_record(row)
        for row in await connection.fetch(_TRANSACTIONS_SQL, ids)
    }
    return [
        Event(
            outbox_id=row["outbox_id"],
            body=_body(row, [found[transaction_id] for transaction_id in row["transaction_ids"]]),
        )
        for row in taken
    ]


def audit_record(row: asyncpg.Record) -> dict[str, Any]:
    """A posted transaction as `PostedTransaction.to_json` writes it, without its cost."""
    found = {name: value for name, value in row.items() if value is not None}
    found["posted_at"] = rfc3339(row["posted_at"])
    return found


def _body(row: asyncpg.Record, transactions: Sequence[dict[str, Any]]) -> bytes:
    message = {
        "type": "transactions.posted",
        "version": 1,
        "batch_id": str(row["batch_id"]),
        "posted_at": rfc3339(row["created_at"]),
        "transactions": transactions,
    }
    return msgspec.json.encode(message)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _log_failure(error: Exception, *, again_in_seconds: float | None) -> None:
    """One line per failure: what is expected to pass is a warning, the rest shows where it was."""
    expected = isinstance(error, NotSent | LedgerError)
    logger.log(
        logging.WARNING if expected else logging.ERROR,
        "relay failed",
        extra={"reason": str(error), "again_in_seconds": again_in_seconds},
        exc_info=None if expected else error,
    )
