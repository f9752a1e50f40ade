"""S50: totals of postings as log lines at intervals."""

import asyncio
import logging

import pytest

from app_service.ledger.domain import DatabaseUnavailable
from app_service.ledger.verdict import Verdict
from app_service.outbox.outbox import Waiting
from app_service.totals import Reporter, Totals
from tests.patience import PATIENCE_SECONDS

NOTHING = {
    "transactions_posted": 0,
    "transactions_replayed": 0,
    "transactions_conflict": 0,
    "transactions_refused": 0,
    "logins_refused": 0,
}


def test_s50_every_transaction_is_counted_by_its_outcome() -> None:
    totals = Totals()
    totals.answered([Verdict.POSTED, Verdict.REPLAYED, Verdict.POSTED], 0.002)
    totals.answered([*Verdict], 0.010)
    assert totals.take() == {
        "transactions_posted": 3,
        "transactions_replayed": 2,
        "transactions_conflict": 1,
        "transactions_refused": len(Verdict) - 3,
        "logins_refused": 0,
        "posting_ms_mean": 6.0,
        "posting_ms_max": 10.0,
    }


def test_s50_totals_are_reported_once() -> None:
    totals = Totals()
    totals.answered([Verdict.POSTED], 0.5)
    totals.take()
    assert totals.take() == NOTHING


async def lines(
    reporter: Reporter, caplog: pytest.LogCaptureFixture, *, at_least: int
) -> list[dict[str, object]]:
    """The fields of each line of totals, with one that is written when it is stopped."""
    caplog.set_level(logging.INFO)
    running = asyncio.create_task(reporter.run())

    def lines_of_totals() -> list[dict[str, object]]:
        return [vars(r) for r in caplog.records if r.message == "totals"]

    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(lines_of_totals()) < at_least:  # noqa: ASYNC110 - what is awaited is a line of a log
            await asyncio.sleep(0.001)
    reporter.stop()
    await running
    return lines_of_totals()


async def test_s50_a_line_reports_the_task_and_the_outbox(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def waiting() -> Waiting:
        totals.answered([Verdict.CONFLICT], 0.1)  # meanwhile: it is in the next line
        return Waiting(batches=2, oldest_seconds=1.23456, set_aside=3)

    totals = Totals()
    totals.answered([Verdict.POSTED], 0.004)
    first, *others = await lines(
        Reporter(totals=totals, waiting=waiting, report_seconds=0.01), caplog, at_least=2
    )
    expected = NOTHING | {
        "transactions_posted": 1,
        "posting_ms_mean": 4.0,
        "outbox_batches": 2,
        "outbox_oldest_seconds": 1.235,
        "outbox_set_aside": 3,
    }
    assert expected.items() <= first.items()
    assert others[0]["transactions_conflict"] == 1


async def test_s50_the_last_totals_are_reported_before_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def waiting() -> Waiting:
        raise AssertionError("a task that ends does not wait for the database")

    totals = Totals()
    totals.answered([Verdict.POSTED], 0.004)
    reporter = Reporter(totals=totals, waiting=waiting)
    [only] = await lines(reporter, caplog, at_least=0)
    assert only["transactions_posted"] == 1


async def test_s50_without_a_database_the_totals_are_still_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def waiting() -> Waiting:
        raise DatabaseUnavailable

    told = await lines(
        Reporter(totals=Totals(), waiting=waiting, report_seconds=0.01), caplog, at_least=3
    )
    assert NOTHING.items() <= told[1].items()
    assert "outbox_oldest_seconds" not in told[1]
    assert "DatabaseUnavailable" in [vars(r).get("reason") for r in caplog.records]
