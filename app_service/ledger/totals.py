"""What the ledger did, counted in memory and written as one log line now and then.

CloudWatch makes metrics of these lines (infra/monitoring/business_metrics.py). A request costs a
few additions and no log line of its own.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from app_service.ledger.domain import Verdict
from app_service.ledger.outbox import Waiting

REPORT_SECONDS = 30.0  # so that every minute has a line of every task

logger = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class _Counts:
    transactions: int = 0
    posted: int = 0
    replayed: int = 0
    conflict: int = 0
    requests: int = 0
    seconds: float = 0.0
    seconds_max: float = 0.0


class Totals:
    """Counts what was answered. Not to be shared between threads."""

    def __init__(self) -> None:
        self._counts = _Counts()

    def answered(self, verdicts: Sequence[Verdict], seconds: float) -> None:
        """A request had its transactions posted or refused, `seconds` after it asked."""
        counts = self._counts
        counts.transactions += len(verdicts)
        counts.posted += verdicts.count(Verdict.POSTED)
        counts.replayed += verdicts.count(Verdict.REPLAYED)
        counts.conflict += verdicts.count(Verdict.CONFLICT)
        counts.requests += 1
        counts.seconds += seconds
        counts.seconds_max = max(counts.seconds_max, seconds)

    def take(self) -> dict[str, float]:
        """What came since the last `take`. How long it took is left out if nothing came."""
        counts, self._counts = self._counts, _Counts()
        accepted = counts.posted + counts.replayed + counts.conflict
        fields: dict[str, float] = {
            "transactions_posted": counts.posted,
            "transactions_replayed": counts.replayed,
            "transactions_conflict": counts.conflict,
            "transactions_refused": counts.transactions - accepted,
        }
        if counts.requests:
            fields["posting_ms_mean"] = round(1000 * counts.seconds / counts.requests, 3)
            fields["posting_ms_max"] = round(1000 * counts.seconds_max, 3)
        return fields


class Reporter:
    """Writes the totals of this task, and what waits in the outbox, which all tasks share."""

    def __init__(
        self,
        *,
        totals: Totals,
        waiting: Callable[[], Awaitable[Waiting]],
        report_seconds: float = REPORT_SECONDS,
    ) -> None:
        self._totals = totals
        self._waiting = waiting
        self._report_seconds = report_seconds
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Let `run` write what it has, and return."""
        self._stopped.set()

    async def run(self) -> None:
        while not await self._is_stopped_within(self._report_seconds):
            fields = self._totals.take()
            logger.info("totals", extra=fields | await self._outbox())
        logger.info("totals", extra=self._totals.take())  # waits for nobody any more

    async def _is_stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)
        return self._stopped.is_set()

    async def _outbox(self) -> dict[str, float]:
        try:
            waiting = await self._waiting()
        except Exception as error:  # noqa: BLE001 - a background loop outlives every failure
            logger.warning("outbox not looked at", extra={"reason": type(error).__name__})
            return {}
        return {
            "outbox_batches": waiting.batches,
            "outbox_oldest_seconds": round(waiting.oldest_seconds, 3),
        }
