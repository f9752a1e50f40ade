"""Holds whose time is over, in real PostgreSQL."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from app_service.database.database import Database, Pool
from app_service.ledger.kinds import Kind
from app_service.ledger.transaction import Transaction
from app_service.posting import hold_expiry
from app_service.posting.hold_expiry import HoldExpiry
from tests.app_service.build import hold, open_accounts, post, to_target, transaction
from tests.app_service.posting.model import assert_sound
from tests.patience import PATIENCE_SECONDS


def short_hold(amount: int = 10) -> Transaction:
    return replace(hold(amount), expires_in_seconds=1)


async def let_expire(pool: Pool) -> None:
    """Until the time of all short holds is over."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await pool.fetchval(  # noqa: ASYNC110 - the database has no event
            "SELECT max(posted_at) + interval '1 s' < clock_timestamp() FROM ledger.transactions"
        ):
            await asyncio.sleep(0.05)


async def held(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT held_minor FROM ledger.accounts WHERE account_id = 2"))


async def test_a_hold_is_released_after_its_time_once_and_recorded(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    late, lasting, taken = short_hold(10), hold(20), short_hold(30)
    capture = to_target(Kind.CAPTURE, taken)  # in the same call: no hold can expire before it
    assert (
        await post(ledger_pool, transaction(1, 2, 100), late, lasting, taken, capture)
        == ["posted"] * 5
    )
    await let_expire(ledger_pool)
    two_tasks = [HoldExpiry(database=Database(ledger_pool)) for _ in range(2)]
    await asyncio.gather(*(each.expire_once() for each in two_tasks))
    assert await held(ledger_pool) == 20
    [row] = await ledger_pool.fetch("SELECT * FROM ledger.transactions WHERE kind = 'expiry'")
    assert (row["target_id"], row["path"], row["amount_minor"]) == (
        late.transaction_id, "ledger", 10,
    )  # fmt: skip
    states = await ledger_pool.fetch("SELECT hold_id, state FROM ledger.holds")
    assert dict(map(tuple, states)) == {
        late.transaction_id: "expired",
        lasting.transaction_id: "pending",
        taken.transaction_id: "captured",
    }
    assert await two_tasks[0].expire_once() == 0
    await assert_sound(ledger_pool)


async def test_a_hold_cannot_be_captured_after_its_time_but_voided(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    late = short_hold()
    await post(ledger_pool, transaction(1, 2, 100), late)
    await let_expire(ledger_pool)
    assert await post(ledger_pool, to_target(Kind.CAPTURE, late), to_target(Kind.VOID, late)) == [
        "hold_closed",
        "posted",
    ]
    assert await held(ledger_pool) == 0


async def test_a_failure_is_logged_and_tried_again(
    ledger_pool: Pool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    late = short_hold()
    await post(ledger_pool, transaction(1, 2, 100), late)
    await let_expire(ledger_pool)
    expiry = HoldExpiry(database=Database(ledger_pool), poll_seconds=0.01)
    with monkeypatch.context() as broken:
        broken.setattr(hold_expiry, "_EXPIRED_SQL", "SELECT $1::int / 0")
        running = asyncio.create_task(expiry.run())
        await _until(lambda: len(caplog.records) > 1)
    assert {record.levelno for record in caplog.records} == {logging.ERROR}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await held(ledger_pool):  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.01)
    expiry.stop()
    await asyncio.wait_for(running, PATIENCE_SECONDS)


async def _until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition has no event
            await asyncio.sleep(0.005)


async def test_a_backlog_is_released_without_pauses(
    ledger_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold_expiry, "HOLDS_MAX", 1)
    await open_accounts(ledger_pool, 1, 2, 3)
    await post(ledger_pool, transaction(1, 2, 100), *(short_hold() for _ in range(3)))
    await let_expire(ledger_pool)
    expiry = HoldExpiry(database=Database(ledger_pool), poll_seconds=3600)
    running = asyncio.create_task(expiry.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await held(ledger_pool):  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.01)
    expiry.stop()
    await asyncio.wait_for(running, PATIENCE_SECONDS)
