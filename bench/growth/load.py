"""Posts to one ledger as the service does, and reads what it cost the server."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import psutil

from app_service.database.database import Pool, close_pool, open_pool
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction
from app_service.ledger.verdict import Verdict
from app_service.outbox import outbox
from app_service.posting.posting import post_transactions
from bench.growth.filling import ACCOUNTS, submissions
from bench.growth.identifiers import Ids, new_id
from bench.growth.ledgers import (
    ADDRESS,
    DATABASE,
    PASSWORD,
    SERVICE_ROLE,
    Connection,
    RunningLedger,
)

CONNECTIONS = 8  # of two tasks, with four posting calls each
_LOCK_WAIT_MS = 5000
_WARMING = (
    "SELECT count(*) FROM ledger.entries WHERE account_id > 0",
    f"SELECT count(*) FROM ledger.transactions WHERE transaction_id > '{UUID(int=0)}'",
    "SELECT count(*) FROM ledger.accounts WHERE account_id > 0",
)


class NotPosted(Exception):
    """A transaction got another verdict than `posted`."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A few seconds of posting, of one ledger."""

    transactions: int
    seconds: float
    call_seconds: Sequence[float]
    cpu_seconds: float  # of all processes of the server
    wal_bytes: int
    relay_cpu_seconds: float  # of the server: batches, their messages, and the records


@dataclass(frozen=True, kw_only=True)
class Counters:
    """Of the whole server, since it was created."""

    blocks_read: int  # from outside of shared_buffers
    blocks_hit: int
    page_images: int  # in the WAL


@dataclass(frozen=True, kw_only=True)
class PostingLedger:
    ids: Ids
    _ledger: RunningLedger
    _pool: Pool
    _admin: Connection

    async def post(self, *, calls: int, call: int) -> Slice:
        """`calls` calls of `call` transactions each. Afterwards nothing is left in the outbox."""
        waiting = iter([self._submissions(call) for _ in range(calls)])
        begun = time.perf_counter(), self.cpu_seconds(), await self._wal_position()
        durations = await asyncio.gather(*(self._post(waiting) for _ in range(CONNECTIONS)))
        ended = time.perf_counter(), self.cpu_seconds(), await self._wal_position()
        await self._drain()
        return Slice(
            transactions=calls * call,
            seconds=ended[0] - begun[0],
            call_seconds=[each for connection in durations for each in connection],
            cpu_seconds=ended[1] - begun[1],
            wal_bytes=ended[2] - begun[2],
            relay_cpu_seconds=self.cpu_seconds() - ended[1],
        )

    async def warm(self) -> None:
        """Read the indexes whose pages are soon changed, and the accounts."""
        async with self._admin.transaction():
            await self._admin.execute("SET LOCAL enable_seqscan = off")
            for sql in _WARMING:
                await self._admin.execute(sql)

    async def counters(self) -> Counters:
        blocks = await self._admin.fetchrow(
            "SELECT blks_read, blks_hit FROM pg_stat_database WHERE datname = $1", DATABASE
        )
        assert blocks is not None
        return Counters(
            blocks_read=blocks["blks_read"],
            blocks_hit=blocks["blks_hit"],
            page_images=await self._admin.fetchval("SELECT wal_fpi FROM pg_stat_wal"),
        )

    async def transactions(self) -> int:
        return int(await self._admin.fetchval("SELECT count(*) FROM ledger.transactions"))

    def cpu_seconds(self) -> float:
        postmaster = self._ledger.postmaster
        seconds = sum(postmaster.cpu_times())  # with those of processes that have ended
        for process in postmaster.children():
            try:
                seconds += sum(process.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue  # it is now among those of the postmaster
        return float(seconds)

    def _submissions(self, size: int) -> list[Submission]:
        return submissions(self._transfer() for _ in range(size))

    def _transfer(self) -> Transaction:
        debit, credit = random.sample(range(1, ACCOUNTS + 1), 2)
        return Transaction(
            transaction_id=new_id(self.ids),
            debit_account=debit,
            credit_account=credit,
            amount_minor=random.randint(1, 10_000),  # nosec B311 # no secret
            currency="USD",
        )

    async def _post(self, waiting: Iterator[list[Submission]]) -> list[float]:
        durations = []
        async with self._pool.acquire() as connection:
            for call in waiting:
                begun = time.perf_counter()
                verdicts = await post_transactions(connection, call, lock_wait_ms=_LOCK_WAIT_MS)
                durations.append(time.perf_counter() - begun)
                if any(verdict is not Verdict.POSTED for verdict in verdicts):
                    raise NotPosted(verdicts)
        return durations

    async def _drain(self) -> None:
        """What the relay does in the database, without sending."""
        async with self._pool.acquire() as connection:
            is_empty = False
            while not is_empty:
                batches = (await outbox.take_batches(connection)).batches
                await outbox.record_sent(connection, [each.batch_id for each in batches])
                is_empty = not batches

    async def _wal_position(self) -> int:
        return int(await self._admin.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))


@asynccontextmanager
async def posting(ledger: RunningLedger, ids: Ids) -> AsyncIterator[PostingLedger]:
    pool = await open_pool(
        hosts=[ADDRESS],
        port=ledger.server.port,
        database=DATABASE,
        user=SERVICE_ROLE,
        password=PASSWORD,
        tls=None,
        size=CONNECTIONS,
    )
    try:
        async with ledger.connection() as admin:
            yield PostingLedger(ids=ids, _ledger=ledger, _pool=pool, _admin=admin)
    finally:
        await close_pool(pool)
