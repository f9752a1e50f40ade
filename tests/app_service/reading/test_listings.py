"""GET /transactions: by account and by reference, newest first, in pages that stay stable."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from app_service.database.database import Pool
from app_service.ledger.kinds import Kind
from app_service.ledger.transaction import Transaction
from app_service.reading import transaction_reads
from tests.app_service.build import hold, open_accounts, post, to_target, transaction
from tests.app_service.reading.conftest import ReadingApi


def ids(found: list[Any]) -> list[str]:
    return [each["transaction_id"] for each in found]


def ids_of(*transactions: Transaction) -> list[str]:
    return [str(each.transaction_id) for each in transactions]


async def post_apart(pool: Pool, *transactions: Transaction) -> None:
    """One call each, so that each has a time of its own."""
    for each in transactions:
        await post(pool, each)


async def a_history(pool: Pool) -> dict[str, list[Transaction]]:
    """Of account 2, by state, oldest first."""
    await open_accounts(pool, 1, 2, 3)
    paid, poor, kept = transaction(1, 2, 100), transaction(2, 3, 500), hold(5)
    captured, voided, received = hold(10), hold(20), hold(7, debit=1, credit=2)
    capture, back = to_target(Kind.CAPTURE, captured), to_target(Kind.REVERSAL, paid)
    void, payment = to_target(Kind.VOID, voided), transaction(2, 3, 1)
    await post_apart(
        pool, paid, poor, captured, voided, kept, capture, void, received, back, payment
    )
    return {
        "posted": [paid, capture, payment],  # the reversal was refused: money is held
        "pending": [kept, received],
        "captured": [captured],
        "voided": [voided],
        "expired": [],
        "refused": [poor, back],
        "all": [paid, poor, captured, voided, kept, capture, received, payment],
    }


@pytest.mark.parametrize("limit", [1, 2, 500])
async def test_an_account_lists_its_transactions_by_state_newest_first(
    api: ReadingApi, ledger_pool: Pool, limit: int
) -> None:
    history = await a_history(ledger_pool)
    # A refused transaction that names a target names no account: it is found by its id.
    history["refused"].pop()
    for state, expected in history.items():
        found = await api.all(
            "/transactions", of="transactions", account_id=2, state=state, limit=limit
        )
        assert ids(found) == ids_of(*reversed(expected)), state
        assert {each["state"] for each in found} <= ({state} if state != "all" else set(history))


async def test_posted_is_the_default_and_the_other_account_lists_what_it_received(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    history = await a_history(ledger_pool)
    of_3 = await api.all("/transactions", of="transactions", account_id=3)
    assert ids(of_3) == ids_of(*reversed(history["posted"][1:]))
    held = await api.all("/transactions", of="transactions", account_id=3, state="pending")
    assert ids(held) == ids_of(history["pending"][0])
    refused = await api.all("/transactions", of="transactions", account_id=3, state="refused")
    assert refused == [], "an attempt to pay it is not its business"


async def test_from_is_inclusive_and_to_is_exclusive(api: ReadingApi, ledger_pool: Pool) -> None:
    await a_history(ledger_pool)
    for by, value in (("account_id", 2), ("reference", "order 7")):
        if by == "reference":
            for each in (transaction(1, 2), hold(1), transaction(2, 1, 999), transaction(1, 3)):
                await post(ledger_pool, replace(each, reference="order 7"))
        for state in ("posted", "pending", "refused", "all"):
            query = {by: value, "state": state}
            everything = await api.all("/transactions", of="transactions", **query)
            times = [each["posted_at"] for each in everything]
            assert times
            for since in times:
                for until in times:
                    if since > until:
                        continue
                    period = {"from": since, "to": until, "limit": 2}
                    found = await api.all("/transactions", of="transactions", **query, **period)
                    assert found == [
                        each for each in everything if since <= each["posted_at"] < until
                    ]


async def test_a_reference_lists_all_accounts_states_and_kinds_that_carry_it(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    paid, poor, held = transaction(1, 2, 100), transaction(3, 2, 5), hold(10)
    void = to_target(Kind.VOID, held)
    sent = [replace(each, reference="order 7") for each in (paid, poor, held, void)]
    await post_apart(ledger_pool, *sent, transaction(1, 2), replace(poor, reference="order 8"))
    for state, expected in {
        "all": sent,
        "posted": [paid, void],
        "refused": [poor],
        "voided": [held],
        "pending": [],
    }.items():
        found = await api.all(
            "/transactions", of="transactions", reference="order 7", state=state, limit=1
        )
        assert ids(found) == ids_of(*reversed(expected)), state
    assert await api.all("/transactions", of="transactions", reference="order") == []


async def test_a_page_of_a_reference_looks_at_a_bounded_number_of_rows_and_goes_on(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    refused = [replace(transaction(2, 1, 10**9), reference="x") for _ in range(5)]
    posted = [replace(transaction(1, 2), reference="x") for _ in range(5)]
    await post_apart(
        ledger_pool, *posted[:1], *refused[:3], *posted[1:3], *refused[3:], *posted[3:]
    )
    sql = transaction_reads._BY_REFERENCE_SQL.replace("1000", "2")
    with (
        patch.object(transaction_reads, "SCANNED_MAX", 2),
        patch.object(transaction_reads, "_BY_REFERENCE_SQL", sql),
    ):
        for limit in (1, 2, 3):
            pages = [
                page
                async for page in api.pages(
                    "/transactions", of="transactions", reference="x", limit=limit
                )
            ]
            assert ids([each for page in pages for each in page]) == ids_of(*reversed(posted))
            assert [] in pages


@pytest.mark.parametrize("by", [{"account_id": 2, "state": "all"}, {"reference": "x"}])
async def test_paging_while_others_post_returns_what_was_there_exactly_once(
    api: ReadingApi, ledger_pool: Pool, by: dict[str, Any]
) -> None:
    await open_accounts(ledger_pool, *range(1, 8), negative=range(1, 8))

    def some() -> list[Transaction]:
        new = [
            transaction(1, 2), transaction(2, 3), hold(3), hold(1, debit=4, credit=2),
            transaction(2, 1, currency="EUR"), transaction(5, 6),
        ]  # fmt: skip
        return [replace(each, reference="x") for each in new]

    for _ in range(6):
        await post(ledger_pool, *some())
    path, of = "/transactions", "transactions"
    before = await api.all(path, of=of, **by)
    stop = asyncio.Event()

    async def keep_posting() -> None:
        while not stop.is_set():
            await post(ledger_pool, *some())
            await asyncio.sleep(0.02)  # each page list grows by what is posted during the last one

    writers = [asyncio.create_task(keep_posting()) for _ in range(3)]
    try:
        for limit in (1, 3, 7):
            found = ids(
                [each async for page in api.pages(path, of=of, limit=limit, **by) for each in page]
            )
            assert len(found) == len(set(found)), "nothing twice"
            assert [each for each in found if each in set(ids(before))] == ids(before)
    finally:
        stop.set()
        await asyncio.gather(*writers)


async def test_entries_whose_times_are_out_of_order_are_not_lost(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    """Rows of the version before have the time of their arrival."""
    await open_accounts(ledger_pool, 1, 2)
    sent = [transaction(1, 2) for _ in range(6)]
    await post_apart(ledger_pool, *sent)
    for place, each in enumerate(sent):
        async with ledger_pool.acquire() as session, session.transaction():
            await session.execute("SET LOCAL session_replication_role = replica")
            await session.execute(
                "UPDATE ledger.transactions SET posted_at = $2 WHERE transaction_id = $1",
                each.transaction_id,
                datetime.fromisoformat("2026-01-01T00:00:00Z") + timedelta(seconds=place % 2),
            )
    for limit in (1, 2, 4):
        found = await api.all(
            "/transactions", of="transactions", account_id=2, state="all", limit=limit
        )
        assert ids(found) == ids_of(*reversed(sent))
