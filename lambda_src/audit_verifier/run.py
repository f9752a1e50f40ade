"""One verification, in steps that take seconds: after each it can stop and be continued."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any

from pg8000.native import Connection

from lambda_src.audit_verifier.archive import Archive
from lambda_src.audit_verifier.chain import ChainWalk, report_missing
from lambda_src.audit_verifier.coverage import Coverage
from lambda_src.audit_verifier.findings import Findings
from lambda_src.audit_verifier.fork import Fork
from lambda_src.audit_verifier.inspection import Inspection
from lambda_src.audit_verifier.ledger import Head, Ledger
from lambda_src.audit_verifier.limits import Limits
from lambda_src.audit_verifier.listing import listed
from lambda_src.audit_verifier.moments import first_id_at, moment_of, text_of
from lambda_src.audit_verifier.report import Checked, Report, Window
from lambda_src.audit_verifier.search import search
from lambda_src.audit_verifier.unrecorded import Unrecorded
from lambda_src.audit_verifier.walk import Pair, in_groups, paired, sealed_between
from lambda_src.shared.audit_objects import AUDIT_PREFIX, object_key

_BATCHES, _RANDOM, _REST, _SEARCH = "batches", "random", "rest", "search"
# No ledger is older. To ask for the oldest would read every row: a BRIN index has no order.
_FIRST = "2020-01-01T00:00:00.000000Z"
_NO_ID = "00000000-0000-0000-0000-000000000000"


class Run:
    def __init__(
        self,
        *,
        connection: Connection,
        archive: Archive,
        executor: Executor,
        window: Window,
        cursor: Mapping[str, Any] | None,
        limits: Limits,
        findings: Findings,
    ) -> None:
        self._archive = archive
        self._executor = executor
        self._limits = limits
        self._findings = findings
        self._ledger = ledger = Ledger(connection)
        head = ledger.head()
        state: dict[str, Any] = dict(cursor) if cursor is not None else self._begin(window, head)
        self._state = state
        self._head = state["head"]
        self._start: str = state["start"]
        self._end: str = state["end"]
        self._chain = ChainWalk.of_json(state["chain"])
        self._fork = Fork.of_json(state["fork"]) if "fork" in state else Fork()
        horizon = ledger.horizon()
        self._recorded_from = horizon.recorded_from
        self._coverage = Coverage(
            ledger=ledger,
            start=self._start,
            end=self._end,
            horizon=horizon,
            limits=limits,
            findings=findings,
            state=state.get("coverage"),
        )
        self._ids = (
            _NO_ID if state["from"] is None else first_id_at(moment_of(self._start)),
            first_id_at(moment_of(self._end)),
        )
        self._inspection = Inspection(
            ledger=ledger,
            archive=archive,
            executor=executor,
            coverage=self._coverage,
            chain=self._chain,
            unrecorded=Unrecorded(
                ledger=ledger,
                coverage=self._coverage,
                chain=self._chain,
                fork=self._fork,
                horizon=horizon,
                now=moment_of(head.now),
                limits=limits,
                findings=self._findings,
            ),
            ids=self._ids,
            limits=limits,
            findings=self._findings,
        )

    def steps(self) -> Iterator[None]:
        phases = {
            _BATCHES: self._batches_and_objects,
            _RANDOM: self._batches_with_random_ids,
            _REST: self._rest_of_the_ledger,
            _SEARCH: self._later_objects,
        }
        names = list(phases)
        for name in names[names.index(self._state["phase"]) :]:
            if self._state["phase"] != name:
                self._state |= {"phase": name, "key": "", "batch": _NO_ID}
            yield from phases[name]()

    def report(self, *, is_finished: bool) -> Report:
        window = Window(
            start=None if self._state["from"] is None else moment_of(self._state["from"]),
            end=moment_of(self._end),
        )
        cursor = None
        if is_finished:
            self._finish()
        else:
            cursor = self._state | {
                "coverage": self._coverage.to_json(),
                "chain": self._chain.to_json(),
                "fork": self._fork.to_json(),
            }
        return Report(
            window=window,
            checked=Checked(
                transactions=self._coverage.transactions,
                batches=self._inspection.batches,
                objects=self._inspection.objects,
            ),
            discrepancies=tuple(self._findings.listed),
            discrepancy_count=self._findings.count,
            cursor=cursor,
        )

    def _begin(self, window: Window, head: Head) -> dict[str, Any]:
        now = moment_of(head.now) + timedelta(milliseconds=1)  # what was sealed in this one
        end = text_of(now if window.end is None else min(window.end, now))
        chain = ChainWalk()
        if window.end is None:
            chain = ChainWalk(head=head.number, head_hash=head.hash)
        start = text_of(window.start) if window.start else _FIRST
        return {
            "phase": _BATCHES,
            "from": None if window.start is None else text_of(window.start),
            "start": min(start, end),
            "end": end,
            "is_until_now": window.end is None,
            "head": head.number,
            "chain": chain.to_json(),
            "key": "" if window.start is None else f"{AUDIT_PREFIX}{window.start:%Y/%m/%d}/",
            "batch": _NO_ID if window.start is None else first_id_at(window.start),
        }

    def _batches_and_objects(self) -> Iterator[None]:
        before = None
        if not self._state["is_until_now"]:
            before = f"{AUDIT_PREFIX}{moment_of(self._end) + timedelta(days=1):%Y/%m/%d}/"
        pairs = paired(
            listed(self._archive, after=self._state["key"], before=before),
            sealed_between(
                self._ledger,
                after=self._state["batch"],
                before=self._ids[1],
                limits=self._limits,
            ),
        )
        for group in in_groups(pairs, self._limits):
            self._inspection.inspect(group)
            self._state["key"] = group[-1].key
            ids = [pair.batch.batch_id for pair in group if pair.batch is not None]
            self._state["batch"] = max([self._state["batch"], *ids])
            yield

    def _batches_with_random_ids(self) -> Iterator[None]:
        """Sealed by a version from before the chain."""
        while page := self._ledger.batches_with_random_ids(
            first=self._start,
            last=self._end,
            after=self._state["batch"],
            most=self._limits.batches,
        ):
            pairs = []
            for batch in page:
                key = object_key(moment_of(batch.posted_at).date(), batch.batch_id)
                found = next(listed(self._archive, prefix=key), None)
                pairs.append(Pair(key=key, batch=batch, listed=found))
            for group in in_groups(pairs, self._limits):
                self._inspection.compare(group)
            self._state["batch"] = page[-1].batch_id
            yield

    def _rest_of_the_ledger(self) -> Iterator[None]:
        """What was posted after the last batch was sealed, or is in none."""
        while not self._coverage.is_read:
            self._coverage.read_more()
            yield
        self._coverage.settle()

    def _later_objects(self) -> Iterator[None]:
        """From before the record: what is in no object of the window may be in a later one."""
        steps = search(
            self._archive,
            self._executor,
            expected=self._coverage.expected,
            after=self._state["key"] or f"{AUDIT_PREFIX}{moment_of(self._end):%Y/%m/%d}/",
            before=f"{AUDIT_PREFIX}{moment_of(self._recorded_from) + timedelta(days=1):%Y/%m/%d}/",
            limits=self._limits,
        )
        for key in steps:
            self._state["key"] = key
            yield
        self._coverage.report_missing()

    def _finish(self) -> None:
        missing = self._chain.missing(
            head=self._head if self._state["is_until_now"] else None,
            is_from_the_first=self._state["from"] is None,
        )
        for numbers in missing:
            report_missing(numbers, self._ledger.recorded_numbers(numbers), self._findings)
        self._fork.report(self._ledger, head=self._head, findings=self._findings)
