"""`ledger.post_transactions` against a plain model, and under eight writers at once."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app_service.ledger.database import Database, Pool
from app_service.ledger.fields import required_fields_of, rules_of
from app_service.ledger.posting import post_transactions
from app_service.ledger.transaction import COLUMNS, Transaction
from app_service.ledger.transaction_sql import arrays_of, post_sql
from tests.app_service.build import LOCK_WAIT_MS, balance, open_accounts, post, soon, transaction
from tests.app_service.conftest import LedgerDatabase
from tests.app_service.model import (
    BALANCE_LIMIT,
    ModelAccount,
    ModelLedger,
    assert_sound,
    outbox_ids,
)

MAX_BIGINT = 2**63 - 1
_worlds = itertools.count(1)


@pytest_asyncio.fixture(scope="module")
async def shared_pool(postgres_server: Any, ledger_template: str) -> AsyncIterator[Pool]:
    """One ledger for all examples of a property; each example has accounts and ids of its own."""
    admin = await asyncpg.connect(postgres_server.dsn)
    await admin.execute(f"CREATE DATABASE ledger_properties TEMPLATE {ledger_template}")
    dsn = postgres_server.dsn.removesuffix("/postgres") + "/ledger_properties"
    async with asyncpg.create_pool(dsn, min_size=0, max_size=1) as pool:
        yield pool
        await assert_sound(pool)  # over all examples together
    await admin.execute("DROP DATABASE ledger_properties WITH (FORCE)")
    await admin.close()


# Small numbers, so that ids meet again, money runs out and accounts do not exist.
NEW = st.tuples(
    st.integers(0, 15),  # id
    st.integers(1, 6),  # debit; 6 does not exist
    st.integers(1, 6),  # credit
    st.sampled_from([-1, 0, 1, 5, 30, 60, MAX_BIGINT]),
    st.sampled_from(["USD", "USD", "USD", "EUR"]),
)
# Where an item is a number, it repeats the one so far before it, of this call or of earlier ones.
SCRIPT = st.lists(st.lists(NEW | st.integers(1, 6), max_size=8), max_size=5)
KINDS = {
    1: ("USD", True),
    2: ("USD", False),
    3: ("USD", False),
    4: ("EUR", True),
    5: ("EUR", False),
}


def calls_of(script: list[list[Any]], world: int) -> list[list[Transaction]]:
    said: list[Transaction] = []
    for call in script:
        for item in call:
            if isinstance(item, int):
                said += said[-item:][:1]
            else:
                n, debit, credit, amount, currency = item
                key = UUID(int=world * 2**64 + n)
                said.append(transaction(world + debit, world + credit, amount, currency, id=key))
    said.reverse()
    return [[said.pop() for _ in call if said] for call in script]


@given(script=SCRIPT)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_verdicts_balances_and_events_are_those_of_the_model(
    shared_pool: Pool, script: list[list[Any]]
) -> None:
    """S32: every verdict, balance and event is that of the model."""
    world = next(_worlds) * 100
    model = ModelLedger({world + n: ModelAccount(*kind) for n, kind in KINDS.items()})
    await shared_pool.executemany(
        "INSERT INTO ledger.accounts (account_id, currency, may_go_negative) VALUES ($1, $2, $3)",
        [(n, account.currency, account.may_go_negative) for n, account in model.accounts.items()],
    )
    events = []
    for batch in calls_of(script, world):
        expected = model.post(batch)
        assert await post(shared_pool, *batch) == expected
        told = [t.transaction_id for t, v in zip(batch, expected, strict=True) if v == "posted"]
        if told:
            events.append(told)
    balances = await shared_pool.fetch(
        "SELECT account_id, balance_minor FROM ledger.accounts WHERE account_id / 100 = $1",
        world // 100,
    )
    assert dict(map(tuple, balances)) == {n: a.balance_minor for n, a in model.accounts.items()}
    rows = await shared_pool.fetch("DELETE FROM ledger.outbox RETURNING outbox_id, transaction_ids")
    assert [row[1] for row in sorted(rows, key=lambda row: int(row[0]))] == events


async def test_a_transaction_repeated_within_a_call_is_posted_once(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    new, poor = transaction(amount=7), transaction(3, 2, 7)
    other = transaction(amount=8, id=new.transaction_id)
    assert await post(ledger_pool, new, poor, new, other, poor) == [
        "posted", "insufficient_funds", "replayed", "conflict", "insufficient_funds",
    ]  # fmt: skip
    assert await balance(ledger_pool, 2) == 7


async def test_a_refused_id_may_be_tried_again_within_its_call(ledger_pool: Pool) -> None:
    """S32: verdicts do not depend on which requests share a call. A `conflict` with a transaction
    that was never posted would send a valid message to the dead letters."""
    await open_accounts(ledger_pool, 1, 2, 3)
    much = transaction(2, 3, 20)
    less = transaction(2, 3, 5, id=much.transaction_id)
    assert await post(ledger_pool, much, transaction(1, 2, 10), less, less, much) == [
        "insufficient_funds", "posted", "posted", "replayed", "conflict",
    ]  # fmt: skip
    assert await balance(ledger_pool, 3) == 5


async def test_a_call_is_one_event_and_a_call_that_posts_nothing_is_none(
    ledger_pool: Pool,
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    first, second = transaction(), transaction()
    await post(ledger_pool, first, transaction(debit=2, amount=99, credit=3), second)
    await post(ledger_pool, first, second)
    await post(ledger_pool)
    [row] = await ledger_pool.fetch("SELECT * FROM ledger.outbox")
    assert row["transaction_ids"] == [first.transaction_id, second.transaction_id]
    posted_at = await ledger_pool.fetch("SELECT DISTINCT posted_at FROM ledger.transactions")
    assert [tuple(r) for r in posted_at] == [(row["created_at"],)]


async def test_a_replay_succeeds_after_the_money_was_spent(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    spend = transaction(2, 3, 10)
    assert await post(ledger_pool, transaction(1, 2, 10), spend) == ["posted", "posted"]
    assert await balance(ledger_pool, 2) == 0
    assert await post(ledger_pool, spend) == ["replayed"]


async def test_a_refused_id_may_be_tried_again(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    spend = transaction(2, 3, 10)
    assert await post(ledger_pool, spend) == ["insufficient_funds"]
    assert await post(ledger_pool, transaction(1, 2, 10)) == ["posted"]
    assert await post(ledger_pool, spend) == ["posted"]


async def test_balances_stop_at_a_limit_on_both_sides(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    assert await post(
        ledger_pool,
        transaction(1, 2, BALANCE_LIMIT),
        transaction(1, 3, 1),  # the debit side is at its limit
        transaction(3, 2, 1),
    ) == ["posted", "balance_limit", "insufficient_funds"]
    await ledger_pool.execute("INSERT INTO ledger.accounts VALUES (4, 'USD', true)")
    assert await post(ledger_pool, transaction(4, 2, 1)) == ["balance_limit"]


CALL = post_sql(f"${position}" for position, _ in enumerate(COLUMNS, start=1))
RULES = rules_of(Transaction)


def _malformed() -> Iterator[tuple[dict[str, Any], str]]:
    for name in required_fields_of(Transaction):
        for wrong in ([], None, [None]):
            yield arrays_of([transaction()]) | {name: wrong}, "plain arrays of one length"
        yield {n: [] for n in COLUMNS} | {name: arrays_of([transaction()])[name]}, "plain arrays"
    yield arrays_of([transaction()] * 1001), "at most 1000"


async def test_malformed_calls_are_refused_whole(ledger_pool: Pool) -> None:
    for arguments, message in _malformed():
        with pytest.raises(asyncpg.InvalidParameterValueError, match=message):
            await ledger_pool.fetch(CALL, *arguments.values())


# Two transactions as literals of arrays.
VALID = {name: f"array_fill(NULL::{rule.sql_type}, ARRAY[2])" for name, rule in RULES.items()} | {
    "transaction_id": "ARRAY[gen_random_uuid(), gen_random_uuid()]",
    "debit_account": "'{1,1}'",
    "credit_account": "'{2,2}'",
    "amount_minor": "'{1,1}'",
    "currency": "'{USD,USD}'",
}


@pytest.mark.parametrize(
    "forged",
    [
        # The first amount is the second by index: 1 was judged, and 1000000 was written.
        {"credit_account": "'{2,1}'", "amount_minor": "'[0:1]={1000000,1}'"},
        {"debit_account": "'[0:1]={3,1}'"},
        {"credit_account": "'[2:3]={2,2}'"},
        {"currency": "'[0:1]={USD,USD}'"},
        {"debit_account": "'{{1,1}}'"},
    ],
)
async def test_s32_an_array_with_other_bounds_cannot_forge_an_amount(
    ledger_pool: Pool, forged: dict[str, str]
) -> None:
    """S32: a role that may only call the function cannot make it write wrong entries."""
    await open_accounts(ledger_pool, 1, 2, 3)
    async with ledger_pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE ledger_processor")
        with pytest.raises(asyncpg.InvalidParameterValueError, match="plain arrays"):
            async with connection.transaction():
                await connection.execute(post_sql((VALID | forged).values()))


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
        stored = await pool.fetch("SELECT transaction_id FROM ledger.transactions")
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
    return lambda connection: post_transactions(connection, batch, lock_wait_ms=LOCK_WAIT_MS)


@asynccontextmanager
async def _pool(database: LedgerDatabase) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(database.dsn, min_size=WRITERS, max_size=WRITERS) as pool:
        yield pool
