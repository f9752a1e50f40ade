"""Whether each posted transaction is in one batch: the ledger is read along with the batches.

Both are read in the order of time, so that only the ids of transactions whose batch has not come
yet are held. What a batch later contains again is no longer expected: it is looked up.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from lambda_src.audit_verifier.findings import Findings
from lambda_src.audit_verifier.ledger import Horizon, Ledger
from lambda_src.audit_verifier.limits import Limits
from lambda_src.audit_verifier.moments import moment_of, text_of
from lambda_src.audit_verifier.report import Kind, Repair, Subject

_WIDTH_FIRST = timedelta(minutes=1)
_WIDTH_MIN = timedelta(microseconds=1)
_WIDTH_MAX = timedelta(days=30)
_WIDER_IF_EMPTY = 8


class Coverage:
    def __init__(
        self,
        *,
        ledger: Ledger,
        start: str,
        end: str,
        horizon: Horizon,
        limits: Limits,
        findings: Findings,
        state: Mapping[str, Any] | None,
    ) -> None:
        self._ledger = ledger
        self._start = start
        self._end = end
        self._horizon = horizon
        self._most = limits.transactions
        self._findings = findings
        self._frontier: str = state["frontier"] if state else start  # read up to here
        # Posted before the frontier, in the window, and in no batch that was read: id and time.
        self.expected: dict[str, str] = dict(state["expected"]) if state else {}
        self._again: dict[str, str] = {}  # taken and not expected: id and time
        self._width = _WIDTH_FIRST
        self._reported: set[str] = set()
        self.transactions = 0

    def to_json(self) -> dict[str, Any]:
        return {"frontier": self._frontier, "expected": self.expected}

    def take_recorded(self, posted_at: Mapping[str, str]) -> None:
        """Transactions of a recorded batch, with their times in the ledger. Later call
        `look_up`."""
        self._read_past(posted_at.values())
        self._again.update({each: posted_at[each] for each in self._take(posted_at)})

    def look_up(self) -> None:
        """Whether those that were taken and not expected are in two places."""
        again, self._again = self._again, {}
        for transaction_id, found in self._ledger.places(again).items():
            if len(found) > 1:
                self._report_double(transaction_id, f"it is in {_list(found)}")

    def take_unrecorded(self, key: str, posted_at: Mapping[str, str]) -> None:
        """Transactions of an object that no record names, with their times in the ledger."""
        self._read_past(posted_at.values())
        places = self._places(posted_at)
        for transaction_id, found in places.items():
            self._report_double(transaction_id, f"it is in {key} and in {_list(found)}")
        for transaction_id in self._take({i: at for i, at in posted_at.items() if i not in places}):
            if self._start <= posted_at[transaction_id] < self._end:
                self._report_double(transaction_id, f"it is in {key} and in an object before")

    @property
    def is_read(self) -> bool:
        """The whole window of the ledger was read."""
        return self._frontier >= self._end

    def read_more(self) -> None:
        self._read_slice()

    def settle(self) -> None:
        """Drop those that are recorded anywhere; report those that would be if they existed."""
        places = self._places(self.expected)
        for transaction_id, posted_at in sorted(self.expected.items(), key=lambda item: item[1]):
            if transaction_id in places:
                del self.expected[transaction_id]
            elif posted_at >= self._horizon.recorded_from:
                self._report_missing(transaction_id)

    def report_missing(self) -> None:
        """What is still expected is in no object either."""
        for transaction_id in list(self.expected):
            self._report_missing(transaction_id)

    def _places(self, posted_at: Mapping[str, str]) -> dict[str, set[str]]:
        """None is asked for that is older than everything recorded, and than the record: what is
        recorded meanwhile is not."""
        recorded_from = self._horizon.recorded_from
        oldest = min(self._horizon.oldest or recorded_from, recorded_from)
        return self._ledger.places({each: at for each, at in posted_at.items() if at >= oldest})

    def _take(self, posted_at: Mapping[str, str]) -> list[str]:
        """The others were not expected: in a batch before, or posted before the window."""
        expected = self.expected
        return [
            transaction_id
            for transaction_id in posted_at
            if expected.pop(transaction_id, None) is None
        ]

    def _read_past(self, moments: Iterable[str]) -> None:
        newest = max(moments, default="")
        while self._frontier <= newest and not self.is_read:
            self._read_slice()

    def _read_slice(self) -> None:
        most = max(self._most // 2, 1)
        if len(self.expected) > most:
            self._make_room(most)
        first, end = moment_of(self._frontier), moment_of(self._end)
        last = min(first + self._width, end)
        rows = self._ledger.posted(first, last, most + 1)
        if len(rows) > most and self._width > _WIDTH_MIN:
            self._width = max(min(self._width, last - first) / 2, _WIDTH_MIN)
            return
        self.expected.update(rows)
        self.transactions += len(rows)
        self._frontier = text_of(last)
        if len(rows) < most // 4:
            self._width = min(self._width * (2 if rows else _WIDER_IF_EMPTY), _WIDTH_MAX)

    def _make_room(self, most: int) -> None:
        self.settle()
        if len(self.expected) > most:
            oldest = min(self.expected.values())
            self._findings.add(
                Kind.MISSING,
                Subject.TRANSACTION,
                next(iter(self.expected)),
                f"{len(self.expected)} transactions posted from {oldest} on, this one among them, "
                "are in no object that was read so far, and in no record; no more are held at "
                "once: verify a shorter time",
            )
            self.expected.clear()

    def _report_missing(self, transaction_id: str) -> None:
        posted_at = self.expected.pop(transaction_id)
        detail = f"it was posted at {posted_at} and is in no outbox row, batch or object"
        is_recorded = posted_at >= self._horizon.recorded_from
        if not is_recorded:  # it can have been sent: in another batch it would be double
            detail += "; it is older than the record"
        self._findings.add(
            Kind.MISSING,
            Subject.TRANSACTION,
            transaction_id,
            detail,
            repair=Repair.SEAL_TRANSACTION if is_recorded else None,
        )

    def _report_double(self, transaction_id: str, detail: str) -> None:
        if transaction_id in self._reported:
            return
        if len(self._reported) < self._most:
            self._reported.add(transaction_id)
        self._findings.add(Kind.DOUBLE, Subject.TRANSACTION, transaction_id, detail)


def _list(places: set[str]) -> str:
    return " and in ".join(sorted(places))
