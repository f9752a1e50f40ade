"""Ledger on PostgreSQL: batched writes, transient errors retried."""

from collections.abc import Callable, Sequence
from time import perf_counter

from app_service.ledger import accounts
from app_service.ledger.actor import Actor
from app_service.ledger.database import Database
from app_service.ledger.domain import Account, NewAccount
from app_service.ledger.posting import Batcher, post_transactions
from app_service.ledger.submission import Submission
from app_service.ledger.verdict import Verdict


class PostgresLedger:
    """`writing` and `reading` have separate pools, so that many reads do not delay postings.

    `on_posted` is called after each call that posted something: there is an event to relay.
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
        self._writing = writing
        self._reading = reading
        self._on_posted = on_posted
        self._on_answered = on_answered
        self._batcher = Batcher(self._call, max_in_flight=max_in_flight)

    async def post(self, submissions: Sequence[Submission]) -> list[Verdict]:
        started = perf_counter()
        verdicts = await self._batcher.post(submissions)
        self._on_answered(verdicts, perf_counter() - started)
        return verdicts

    async def _call(self, submissions: Sequence[Submission]) -> list[Verdict]:
        verdicts = await self._writing.run(lambda c: post_transactions(c, submissions))
        if Verdict.POSTED in verdicts:
            self._on_posted()
        return verdicts

    async def open_account(self, account: NewAccount, actor: Actor) -> tuple[Account, bool]:
        return await self._reading.run(lambda c: accounts.open_account(c, account, actor))
