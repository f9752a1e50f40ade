"""Entries, balances as of a moment, and statements: exact, also while others post."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from app_service.api import deadlines
from app_service.database.database import Connection, Pool
from app_service.ledger.kinds import Kind
from app_service.posting.posting import post_transactions
from app_service.reading import account_history
from tests.app_service.api.http_api import assert_problem
from tests.app_service.build import (
    hold,
    open_accounts,
    post,
    submitted,
    to_target,
    transaction,
)
from tests.app_service.reading.conftest import ReadingApi
from tests.patience import PATIENCE_SECONDS

BEGINNING = "2000-01-01T00:00:00Z"


async def now(pool: Pool) -> datetime:
    found: datetime = await pool.fetchval("SELECT clock_timestamp()")
    return found


async def statement(api: ReadingApi, since: str, until: str, **query: Any) -> dict[str, Any]:
    """All pages joined, after a check that they agree on the period."""
    answer = await api.get("/accounts/2/statement", **{"from": since, "to": until}, **query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    last = found
    while last["next_cursor"] is not None:
        answer = await api.get(
            "/accounts/2/statement",
            **{"from": since, "to": until},
            **query,
            cursor=last["next_cursor"],
        )
        last = answer.json()
        found["entries"] += last["entries"]
        of_period = found.keys() - {"entries", "next_cursor"}
        assert all(last[name] == found[name] for name in of_period)
    return found


def assert_adds_up(found: dict[str, Any]) -> None:
    balance = found["opening_balance_minor"]
    for entry in found["entries"]:
        balance += entry["amount_minor"]
        assert entry["balance_after_minor"] == balance
        assert found["from_time"] <= entry["posted_at"] < found["to_time"]
    assert balance == found["closing_balance_minor"]
    amounts = [entry["amount_minor"] for entry in found["entries"]]
    assert found["debits_minor"] == -sum(amount for amount in amounts if amount < 0)
    assert found["credits_minor"] == sum(amount for amount in amounts if amount > 0)
    versions = [entry["version"] for entry in found["entries"]]
    assert versions == list(range(versions[0], versions[0] + len(versions))) if versions else True


async def test_entries_are_paged_newest_first_until_the_cursor_is_null(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    sent = [replace(transaction(1, 2, n), reference=f"order {n}") for n in range(10, 15)]
    await post(ledger_pool, *sent)
    pages = [page async for page in api.pages("/accounts/2/entries", of="entries", limit=2)]
    assert [len(page) for page in pages] == [2, 2, 1]
    found = [entry for page in pages for entry in page]
    assert [entry["version"] for entry in found] == [5, 4, 3, 2, 1]
    full = await api.get("/accounts/2/entries", limit=5)
    assert full.json()["next_cursor"] is None, "a full page that is the last one has no cursor"
    assert found[0].pop("posted_at").endswith("Z")
    assert found[0] == {
        "version": 5,
        "transaction_id": str(sent[-1].transaction_id),
        "kind": "transfer",
        "amount_minor": 14,
        "balance_after_minor": 60,
        "counter_account": 1,
        "reference": "order 14",
    }
    await post(ledger_pool, transaction(2, 3, 4))
    [newest] = (await api.get("/accounts/2/entries", limit=1)).json()["entries"]
    assert (newest["amount_minor"], newest["counter_account"]) == (-4, 3)
    assert "reference" not in newest


async def test_a_cursor_of_the_version_before_continues(api: ReadingApi, ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2)
    await post(ledger_pool, *(transaction(1, 2) for _ in range(5)))
    answer = await api.get("/accounts/2/entries", limit=2, cursor=4)
    assert [entry["version"] for entry in answer.json()["entries"]] == [3, 2]


async def test_a_statement_adds_up_for_every_period_and_page_size(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    held, paid = hold(9), transaction(1, 2, 100)
    for each in (
        paid, transaction(2, 3, 30), held, to_target(Kind.CAPTURE, held, 5),
        transaction(1, 2, 7), to_target(Kind.REVERSAL, transaction(2, 3, 1)), transaction(2, 1, 2),
    ):  # fmt: skip
        await post(ledger_pool, each)
    end = (await now(ledger_pool)).isoformat()
    whole = await statement(api, BEGINNING, end)
    assert [entry["amount_minor"] for entry in whole["entries"]] == [100, -30, -5, 7, -2]
    assert [entry["kind"] for entry in whole["entries"]][2] == "capture"
    assert (whole["opening_balance_minor"], whole["closing_balance_minor"]) == (0, 70)
    assert (whole["debits_minor"], whole["credits_minor"]) == (37, 107)
    assert (whole["account_id"], whole["currency"]) == (2, "USD")
    times = [BEGINNING, *(entry["posted_at"] for entry in whole["entries"]), end]
    for place, since in enumerate(times):
        for until in times[place:]:
            for limit in (1, 2, 5):
                found = await statement(api, since, until, limit=limit)
                assert_adds_up(found)
                parts = [
                    entry for entry in whole["entries"]
                    if found["from_time"] <= entry["posted_at"] < found["to_time"]
                ]  # fmt: skip
                assert found["entries"] == parts


async def test_statements_of_adjacent_periods_join(api: ReadingApi, ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    edges = [BEGINNING]
    for n in (5, 7, 11):
        await post(ledger_pool, transaction(1, 2, n), transaction(2, 3, 1))
        edges.append((await now(ledger_pool)).isoformat())
    found = [await statement(api, a, b) for a, b in itertools.pairwise(edges)]
    for earlier, later in itertools.pairwise(found):
        assert earlier["closing_balance_minor"] == later["opening_balance_minor"]
    whole = await statement(api, edges[0], edges[-1])
    for name in ("debits_minor", "credits_minor"):
        assert whole[name] == sum(part[name] for part in found)


async def test_a_statement_stays_as_it_was_while_others_post(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    await post(ledger_pool, *(transaction(1, 2) for _ in range(20)))
    stop = asyncio.Event()

    async def keep_posting() -> None:
        while not stop.is_set():
            await post(ledger_pool, transaction(1, 2), transaction(2, 1, 3))

    writers = [asyncio.create_task(keep_posting()) for _ in range(2)]
    try:
        with patch.object(account_history, "LOCK_WAIT_MS", 1000 * PATIENCE_SECONDS):
            for _ in range(5):
                until = (await now(ledger_pool)).isoformat()
                first, again = [await statement(api, BEGINNING, until, limit=13) for _ in range(2)]
                assert first | {"next_cursor": None} == again | {"next_cursor": None}
                assert_adds_up(first)
    finally:
        stop.set()
        await asyncio.gather(*writers)


async def test_a_balance_as_of_a_moment_counts_what_was_posted_until_it(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    for n in range(1, 9):
        await post(ledger_pool, transaction(1, 2, n))
    entries = await api.all("/accounts/2/entries", of="entries")
    for entry in entries:
        found = (await api.get("/accounts/2", as_of=entry["posted_at"])).json()
        assert found == {
            "account_id": 2,
            "currency": "USD",
            "owner": "bank",
            "as_of": entry["posted_at"],
            "balance_minor": entry["balance_after_minor"],
            "version": entry["version"],
        }
        before = datetime.fromisoformat(entry["posted_at"]) - timedelta(microseconds=1)
        earlier = (await api.get("/accounts/2", as_of=before.isoformat())).json()
        assert earlier["version"] == entry["version"] - 1
        assert earlier["balance_minor"] == entry["balance_after_minor"] - entry["amount_minor"]
    assert (await api.get("/accounts/2", as_of=BEGINNING)).json()["balance_minor"] == 0


async def test_a_moment_to_come_is_refused(api: ReadingApi, ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 2)
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    for moment in (soon, "9999-12-31T23:59:59.999999Z"):
        for name, answer in (
            ("as_of", await api.get("/accounts/2", as_of=moment)),
            ("to", await api.get("/accounts/2/statement", **{"from": BEGINNING, "to": moment})),
            ("from", await api.get("/accounts/2/statement", **{"from": moment, "to": moment})),
        ):
            problem = assert_problem(answer, 400, "invalid")
            assert problem["detail"].startswith(f"{name}: must be earlier than now")


@asynccontextmanager
async def _uncommitted(pool: Pool) -> AsyncIterator[Connection]:
    """A posting of 5 to account 2 that has taken its time and is not committed."""
    async with pool.acquire() as session, session.transaction():
        await post_transactions(session, submitted(transaction(1, 2, 5)), lock_wait_ms=1000)
        yield session


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - what is awaited is in the database
            await asyncio.sleep(0.005)


async def test_a_moment_after_an_uncommitted_posting_waits_for_it(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    """Without the wait it would answer 0 now and 5 a moment later, for the same moment."""
    await open_accounts(ledger_pool, 1, 2)

    async def waits() -> bool:
        return bool(
            await ledger_pool.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            )
        )

    with (
        patch.object(account_history, "LOCK_WAIT_MS", 1000 * PATIENCE_SECONDS),
        patch.object(deadlines, "REQUEST_SECONDS", PATIENCE_SECONDS),
    ):
        async with _uncommitted(ledger_pool):
            moment = (await now(ledger_pool)).isoformat()
            asked = [
                asyncio.create_task(api.get("/accounts/2", as_of=moment)),
                asyncio.create_task(
                    api.get("/accounts/2/statement", **{"from": BEGINNING, "to": moment})
                ),
            ]
            await _until(waits)
            assert not any(each.done() for each in asked)
        balance, found = [(await each).json() for each in asked]
    assert balance["balance_minor"] == 5
    assert (found["closing_balance_minor"], len(found["entries"])) == (5, 1)


async def test_an_account_that_stays_locked_is_503_and_can_be_asked_again(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    async with _uncommitted(ledger_pool):
        moment = (await now(ledger_pool)).isoformat()
        answer = await api.get("/accounts/2", as_of=moment)
        assert_problem(answer, 503, "account_busy")
        assert answer.headers["retry-after"] == "1"
        # What is committed can be read.
        assert (await api.get("/accounts/2")).json()["balance_minor"] == 0
    assert (await api.get("/accounts/2", as_of=moment)).json()["balance_minor"] == 5


async def test_a_statement_that_is_too_long_says_what_to_do(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    await post(ledger_pool, *(transaction(1, 2) for _ in range(4)))
    until = (await now(ledger_pool)).isoformat()
    query = {"from": BEGINNING, "to": until}
    with patch.object(account_history, "STATEMENT_ENTRIES_MAX", 3):
        answer = await api.get("/accounts/2/statement", **query)
    problem = assert_problem(answer, 400, "statement_too_long")
    assert problem["detail"].startswith("the period has 4 entries and a statement has at most 3")
    with patch.object(account_history, "STATEMENT_ENTRIES_MAX", 4):
        assert (await api.get("/accounts/2/statement", **query)).status_code == 200


async def test_a_sum_that_a_json_reader_would_round_is_refused(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2, negative=(1, 2))
    most = 2**53 - 1
    await post(ledger_pool, transaction(1, 2, most), transaction(2, 1, most))
    middle = (await now(ledger_pool)).isoformat()
    assert (await statement(api, BEGINNING, middle))["credits_minor"] == most
    await post(ledger_pool, transaction(1, 2, 1))
    until = (await now(ledger_pool)).isoformat()
    answer = await api.get("/accounts/2/statement", **{"from": BEGINNING, "to": until})
    problem = assert_problem(answer, 400, "statement_too_long")
    assert "2^53-1" in problem["detail"]
