"""Totals of postings and refused logins, counted in memory and written as a line at intervals.

CloudWatch makes metrics from these lines (infra/monitoring/business_metrics.py). A request costs a
few additions and no log line of its own.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from app_service.ledger.verdict import Verdict, fields_of
from app_service.outbox.outbox import Waiting

REPORT_SECONDS = 30.0  # short enough for one line per task in every minute

logger = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class _Counts:
    logins_refused: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0
    seconds_max: float = 0.0


class Totals:
    """Counts answered requests. Not thread-safe."""

    def __init__(self) -> None:
        self._counts = _Counts()

    def answered(self, verdicts: Sequence[Verdict], seconds: float) -> None:
        """A request was answered with these verdicts after `seconds`."""
        counts = self._counts
        for verdict in verdicts:
            counts.verdicts[verdict] = counts.verdicts.get(verdict, 0) + 1
        counts.requests += 1
        counts.seconds += seconds
        counts.seconds_max = max(counts.seconds_max, seconds)

    def login_refused(self) -> None:
        self._counts.logins_refused += 1

    def take(self) -> dict[str, float]:
        """The totals since the last `take`; without durations if there was no request."""
        counts, self._counts = self._counts, _Counts()
        fields: dict[str, float] = dict(fields_of(counts.verdicts))
        fields["logins_refused"] = counts.logins_refused
        if counts.requests:
            fields["posting_ms_mean"] = round(1000 * counts.seconds / counts.requests, 3)
            fields["posting_ms_max"] = round(1000 * counts.seconds_max, 3)
        return fields


class Reporter:
    """Writes the totals of this task and the backlog of the outbox, which all tasks share."""

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
        """Let `run` write the last totals and return."""
        self._stopped.set()

    async def run(self) -> None:
        while not await self._is_stopped_within(self._report_seconds):
            fields = self._totals.take()
            logger.info("totals", extra=fields | await self._outbox())
        # Without the outbox: a task that stops does not wait for the database.
        logger.info("totals", extra=self._totals.take())

    async def _is_stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)
        return self._stopped.is_set()

    async def _outbox(self) -> dict[str, float]:
        try:
            waiting = await self._waiting()
        except Exception as error:  # noqa: BLE001 - the loop continues after every failure
            logger.warning("outbox not read", extra={"reason": type(error).__name__})
            return {}
        return {
            "outbox_batches": waiting.batches,
            "outbox_oldest_seconds": round(waiting.oldest_seconds, 3),
            "outbox_set_aside": waiting.set_aside,
        }
