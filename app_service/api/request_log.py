"""Log lines of single requests that post: as many as cost nothing, and the unusual ones apart.

A line for each request would cost a part of the service's time at full load, and CloudWatch charges
for each byte. So a task writes at most LINES_PER_SECOND for requests that posted everything, and as
many for all others: at low load each request has its line, and at any load success does not hide
failure. What is left out is counted in the next line (docs/decisions/log-lines.md).
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from app_service.ledger.domain import Unavailable
from app_service.ledger.origin import trace_of
from app_service.ledger.submission import Submission
from app_service.ledger.verdict import Verdict
from app_service.log_messages import REQUEST_ANSWERED

LINES_PER_SECOND: Final = 10
IDS_MAX: Final = 10  # of one request that are named

logger = logging.getLogger(__name__)


class RequestLog:
    """Not thread-safe. `now` is in seconds and never goes back."""

    def __init__(self, *, now: Callable[[], float] = time.perf_counter) -> None:
        self.now = now
        self._second = 0
        self._usual_left = self._others_left = LINES_PER_SECOND
        self._left_out = 0

    def answered(
        self,
        submissions: Sequence[Submission],
        verdicts: Sequence[Verdict],
        *,
        status: int,
        started: float,
    ) -> None:
        """A request that began at `started` of this clock is answered with this HTTP status."""
        now = self.now()
        if int(now) != self._second:
            self._second = int(now)
            self._usual_left = self._others_left = LINES_PER_SECOND
        if verdicts and verdicts.count(Verdict.POSTED) == len(verdicts):
            has_line = self._usual_left > 0
            self._usual_left -= has_line
        else:
            has_line = self._others_left > 0
            self._others_left -= has_line
        if has_line:
            self._write(submissions, verdicts, status=status, seconds=now - started)
        else:
            self._left_out += 1

    def failed(
        self, submissions: Sequence[Submission], error: Exception, *, started: float
    ) -> None:
        """What became of its transactions is not known."""
        status = 503 if isinstance(error, Unavailable) else 500
        self.answered(submissions, (), status=status, started=started)

    def _write(
        self,
        submissions: Sequence[Submission],
        verdicts: Sequence[Verdict],
        *,
        status: int,
        seconds: float,
    ) -> None:
        extra: dict[str, object] = {
            "transaction_ids": [str(s.transaction.transaction_id) for s in submissions[:IDS_MAX]],
            "transactions": len(submissions),
            "verdicts": dict(Counter(verdicts)),
            "status": status,
            "duration_ms": round(1000 * seconds, 1),
        }
        origin_id = submissions[0].origin_id
        if origin_id is not None:
            extra["trace_id"] = trace_of(origin_id)
        if self._left_out:
            extra["requests_left_out"], self._left_out = self._left_out, 0
        logger.info(REQUEST_ANSWERED, extra=extra)
