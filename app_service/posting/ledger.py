"""Ledger on PostgreSQL: batched writes, transient errors retried until a request's deadline."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from time import perf_counter

from app_service.database.database import Database
from app_service.ledger.actor import Actor
from app_service.ledger.domain import Account, NewAccount
from app_service.ledger.submission import Submission
from app_service.ledger.verdict import Verdict
from app_service.posting import account_locks, accounts
from app_service.posting.batching import Batcher
from app_service.posting.posting import post_transactions


class PostgresLedger:
    """`writing` and `reading` have separate pools, so that many reads do not delay postings.

    `on_posted` is called after each call that posted something: there is an outbox row to relay.
    `on_answered` is called after each request with its verdicts and its duration in seconds.
    """

    def __init__(
        self,
        *,
        writing: Database,
        reading: Database,
        max_in_flight: int,
        on_posted: Callable[[], None],
        on_answered: Callable[[Sequence[Verdict], float], None],
    ) -> None:
        self._reading = reading
        self._on_answered = on_answered
        calls = _Calls(writing, on_posted=on_posted)
        self._batcher = Batcher(calls, max_in_flight=max_in_flight)

    async def post(self, submissions: Sequence[Submission], *, deadline: float) -> list[Verdict]:
        started = perf_counter()
        verdicts = await self._batcher.post(submissions, deadline=deadline)
        self._on_answered(verdicts, perf_counter() - started)
        return verdicts

    async def open_account(
        self, account: NewAccount, actor: Actor, *, deadline: float
    ) -> tuple[Account, bool]:
        return await self._reading.run(
            lambda c: accounts.open_account(c, account, actor), deadline=deadline
        )


class _Calls:
    """The batcher's calls of the database."""

    def __init__(self, database: Database, *, on_posted: Callable[[], None]) -> None:
        self._database = database
        self._on_posted = on_posted

    async def post(
        self, submissions: Sequence[Submission], *, lock_wait_ms: int, deadline: float
    ) -> list[Verdict]:
        verdicts = await self._database.run(
            lambda c: post_transactions(
                c, submissions, lock_wait_ms=_within(lock_wait_ms, deadline)
            ),
            deadline=deadline,
        )
        if Verdict.POSTED in verdicts:
            self._on_posted()
        return verdicts

    async def held(self, account_ids: Collection[int], *, deadline: float) -> frozenset[int]:
        return await self._database.run(
            lambda c: account_locks.held_accounts(c, account_ids), deadline=deadline
        )

    async def wait_for(self, account_id: int, *, lock_wait_ms: int, deadline: float) -> None:
        await self._database.run(
            lambda c: account_locks.wait_for_account(
                c, account_id, lock_wait_ms=_within(lock_wait_ms, deadline)
            ),
            deadline=deadline,
        )


def _within(lock_wait_ms: int, deadline: float) -> int:
    """The wait for a lock, cut to the rest of the time; at least 1, because 0 has no limit."""
    rest_ms = int(1000 * (deadline - asyncio.get_running_loop().time()))
    return max(1, min(lock_wait_ms, rest_ms))
