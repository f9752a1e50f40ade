"""Single promises of the posting function, and eight writers at once."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app_service.database.database import Database, Pool
from app_service.ledger.fields import MAX_INTEGER
from app_service.ledger.transaction import Transaction
from app_service.posting.transaction_sql import POSTING_FUNCTION, ROW_TYPE, arrays_of
from tests.app_service.build import (
    balance,
    open_accounts,
    post,
    post_on,
    soon,
    submitted,
    transaction,
)
from tests.app_service.conftest import LedgerDatabase
from tests.app_service.posting.model import assert_sound, outbox_ids


async def test_a_transaction_repeated_within_a_call_is_posted_once(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    new, poor = transaction(amount=7), transaction(3, 2, 7)
    other = transaction(amount=8, id=new.transaction_id)
    assert await post(ledger_pool, new, poor, new, other, poor) == [
        "posted", "insufficient_funds", "replayed", "conflict", "insufficient_funds",
    ]  # fmt: skip
    assert await balance(ledger_pool, 2) == 7


async def test_s32_a_refusal_stays_also_within_its_call(ledger_pool: Pool) -> None:
    """S32: verdicts do not depend on which requests share a call."""
    await open_accounts(ledger_pool, 1, 2, 3)
    much = transaction(2, 3, 20)
    less = transaction(2, 3, 5, id=much.transaction_id)
    assert await post(ledger_pool, much, transaction(1, 2, 30), less, much) == [
        "insufficient_funds", "posted", "conflict", "insufficient_funds",
    ]  # fmt: skip
    assert await balance(ledger_pool, 3) == 0


async def test_a_call_is_one_event_and_a_call_that_posts_nothing_is_none(
    ledger_pool: Pool,
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    first, second = transaction(), transaction()
    await post(ledger_pool, first, transaction(debit=2, amount=99, credit=3), second)
    await post(ledger_pool, first, second)
    await post(ledger_pool)
    [row] = await ledger_pool.fetch("SELECT * FROM ledger.outbox_v2")
    assert row["transaction_ids"] == [first.transaction_id, second.transaction_id]
    posted_at = await ledger_pool.fetch(
        "SELECT DISTINCT posted_at FROM ledger.transactions WHERE state = 'posted'"
    )
    assert [tuple(r) for r in posted_at] == [(row["created_at"],)]


async def test_a_replay_succeeds_after_the_money_was_spent(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    spend = transaction(2, 3, 10)
    assert await post(ledger_pool, transaction(1, 2, 10), spend) == ["posted", "posted"]
    assert await balance(ledger_pool, 2) == 0
    assert await post(ledger_pool, spend) == ["replayed"]


async def test_s32_a_refusal_is_answered_the_same_again(ledger_pool: Pool) -> None:
    """S32: money that comes later does not turn a refusal into a payment that nobody expects."""
    await open_accounts(ledger_pool, 1, 2, 3)
    spend = transaction(2, 3, 10)
    assert await post(ledger_pool, spend) == ["insufficient_funds"]
    assert await post(ledger_pool, transaction(1, 2, 10)) == ["posted"]
    assert await post(ledger_pool, spend) == ["insufficient_funds"]
    assert await post(ledger_pool, transaction(2, 3, 9, id=spend.transaction_id)) == ["conflict"]
    assert await post(ledger_pool, transaction(2, 3, 10)) == ["posted"]


async def test_balances_stop_at_a_limit_on_both_sides(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    assert await post(
        ledger_pool,
        transaction(1, 2, MAX_INTEGER),
        transaction(1, 3, 1),  # the debit side is at its limit
        transaction(3, 2, 1),
    ) == ["posted", "balance_limit", "insufficient_funds"]
    await ledger_pool.execute("INSERT INTO ledger.accounts VALUES (4, 'USD', true)")
    assert await post(ledger_pool, transaction(4, 2, 1)) == ["balance_limit"]


async def test_malformed_calls_are_refused_whole(ledger_pool: Pool) -> None:
    for wrong in ("NULL", "ARRAY[NULL]"):
        with pytest.raises(asyncpg.InvalidParameterValueError, match="one plain array"):
            await ledger_pool.fetch(f"SELECT {POSTING_FUNCTION}(CAST({wrong} AS {ROW_TYPE}[]), 1)")
    with pytest.raises(asyncpg.InvalidParameterValueError, match="at most 1000"):
        await post(ledger_pool, *[transaction()] * 1001)


def _row(amount: int) -> str:
    """A transfer as text of the row type."""
    (wanted,) = submitted(transaction(1, 2, amount))
    values = [values[0] for values in arrays_of([wanted]).values()]
    return ",".join("" if value is None else str(value) for value in values)


@pytest.mark.parametrize("bounds", ["[0:1]", "[2:3]"])
async def test_s32_an_array_with_other_bounds_cannot_forge_an_amount(
    ledger_pool: Pool, bounds: str
) -> None:
    """S32: a role that may only call the function cannot make it judge one amount and write
    another."""
    await open_accounts(ledger_pool, 1, 2)
    rows = ",".join(f'"({_row(amount)})"' for amount in (1, 1_000_000))
    call = f"SELECT {POSTING_FUNCTION}(CAST($1::text AS {ROW_TYPE}[]), 1)"
    async with ledger_pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE ledger_processor")
        with pytest.raises(asyncpg.InvalidParameterValueError, match="one plain array"):
            async with connection.transaction():
                await connection.fetch(call, f"{bounds}={{{rows}}}")
        assert len(await connection.fetch(call, f"{{{rows}}}")) == 2


# -- concurrency ------------------------------------------------------------------------------

WRITERS = 8


def _determined_by(transaction_id: UUID) -> Transaction:
    """An id has the same contents in every writer, so each repetition is a replay."""
    dice = random.Random(transaction_id.int)
    debit, credit = dice.sample(range(1, 11), 2)
    return transaction(debit, credit, dice.randint(1, 30), id=transaction_id)


async def test_s32_eight_writers_post_each_transaction_once_and_lose_none(
    ledger_database: LedgerDatabase,
) -> None:
    """S32: with shared accounts and ids, in large and small calls."""
    async with _pool(ledger_database) as pool:
        await open_accounts(pool, *range(1, 11), negative=(1, 2))
        database = Database(pool)
        shared = [UUID(int=n) for n in range(400)]
        said_posted: list[UUID] = []

        async def write(writer: int) -> None:
            dice = random.Random(writer)
            for _ in range(25):
                ids = [
                    dice.choice(shared) if dice.random() < 0.4 else UUID(int=dice.getrandbits(128))
                    for _ in range(dice.choice([1, 3, 10, 40]))
                ]
                batch = [_determined_by(transaction_id) for transaction_id in ids]
                verdicts = await database.run(_posting(batch), deadline=soon())
                assert set(verdicts) <= {"posted", "replayed", "insufficient_funds"}
                said_posted.extend(
                    i for i, verdict in zip(ids, verdicts, strict=True) if verdict == "posted"
                )

        await asyncio.gather(*map(write, range(WRITERS)))
        assert len(said_posted) == len(set(said_posted))
        stored = await pool.fetch(
            "SELECT transaction_id FROM ledger.transactions WHERE state = 'posted'"
        )
        assert sorted(row[0] for row in stored) == sorted(said_posted)
        assert sorted(await outbox_ids(pool)) == sorted(said_posted)
        await assert_sound(pool)


async def test_s32_one_id_raced_with_different_contents_posts_once(
    ledger_database: LedgerDatabase,
) -> None:
    """S32: the writers share no account and no lock; the key decides, the others conflict."""
    async with _pool(ledger_database) as pool:
        await open_accounts(pool, *range(1, 17), negative=range(1, 17))
        database = Database(pool)
        for _ in range(10):
            raced = uuid4()
            verdicts = await asyncio.gather(
                *(
                    database.run(_posting([transaction(n, n + 8, n, id=raced)]), deadline=soon())
                    for n in range(1, WRITERS + 1)
                )
            )
            assert sorted(v for [v] in verdicts) == ["conflict"] * (WRITERS - 1) + ["posted"]
        await assert_sound(pool)


def _posting(batch: list[Transaction]) -> Callable[[Any], Any]:
    return lambda connection: post_on(connection, *batch)


@asynccontextmanager
async def _pool(database: LedgerDatabase) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(database.dsn, min_size=WRITERS, max_size=WRITERS) as pool:
        yield pool
