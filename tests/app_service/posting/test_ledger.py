"""HTTP over the real database: the complete path of a request, without a network."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from app_service.database.database import Database, Pool
from app_service.ledger.domain import AccountConflict, NewAccount
from app_service.posting import accounts
from app_service.posting.ledger import PostgresLedger
from tests.app_service.api.http_api import Api, running_api
from tests.app_service.build import OPERATOR, document, soon
from tests.app_service.conftest import LedgerDatabase
from tests.app_service.posting.model import assert_sound, outbox_ids


@dataclass
class World:
    api: Api
    pool: Pool
    woken: list[int]
    answered: list[tuple[list[str], float]]

    async def open_account(self, account_id: int, **changes: Any) -> None:
        new = {"account_id": account_id, "currency": "USD"} | changes
        assert (await self.api.http.post("/accounts", json=new)).status_code == 201

    async def post(self, **changes: Any) -> tuple[int, str]:
        answer = await self.api.http.post("/transactions", json=document(**changes))
        problem_or_verdict = answer.json()
        return answer.status_code, problem_or_verdict.get("code", problem_or_verdict["status"])

    async def balance(self, account_id: int) -> int:
        return int((await self.api.http.get(f"/accounts/{account_id}")).json()["balance_minor"])


@pytest_asyncio.fixture
async def world(ledger_database: LedgerDatabase) -> AsyncIterator[World]:
    """With the role of the deployed service."""

    async def as_service(connection: Any) -> None:
        await connection.execute("SET ROLE ledger_service")

    woken: list[int] = []
    answered: list[tuple[list[str], float]] = []
    async with (
        asyncpg.create_pool(ledger_database.dsn, min_size=0, setup=as_service) as pool,
        asyncpg.create_pool(ledger_database.dsn, min_size=0) as admin,
    ):
        database = Database(pool)
        ledger = PostgresLedger(
            writing=database,
            reading=database,
            max_in_flight=2,
            on_posted=lambda: woken.append(1),
            on_answered=lambda verdicts, seconds: answered.append(([*verdicts], seconds)),
        )
        async with running_api(ledger, reading=pool) as api:
            yield World(api=api, pool=admin, woken=woken, answered=answered)


async def test_s50_each_request_is_counted_with_its_verdicts_and_its_time(world: World) -> None:
    await world.open_account(1, may_go_negative=True)
    await world.open_account(2)
    new = document(amount_minor=30)
    batch = {"transactions": [new, document(), document(debit_account=9)]}
    await world.post(**new)
    assert (await world.api.http.post("/transactions/batch", json=batch)).status_code == 200
    verdicts, seconds = zip(*world.answered, strict=True)
    assert verdicts == (["posted"], ["replayed", "posted", "account_not_found"])
    assert all(0 < each < 5 for each in seconds)


async def test_s32_every_outcome_of_a_posting_over_http(world: World) -> None:
    """S32: posted once, replayed, refused with a stable code; balances agree."""
    await world.open_account(1, may_go_negative=True)
    await world.open_account(2)
    await world.open_account(3, currency="EUR")
    new = document(amount_minor=30)
    outcomes = [
        await world.post(**new),
        await world.post(**new),
        await world.post(**new | {"amount_minor": 31}),
        await world.post(debit_account=2, credit_account=1, amount_minor=31),
        await world.post(debit_account=2, credit_account=9),
        await world.post(debit_account=1, credit_account=3),
    ]
    assert outcomes == [
        (201, "posted"),
        (200, "replayed"),
        (409, "conflict"),
        (422, "insufficient_funds"),
        (422, "account_not_found"),
        (422, "currency_mismatch"),
    ]
    assert (await world.balance(1), await world.balance(2)) == (-30, 30)
    assert world.woken == [1], "only a posting wakes the relay"


async def test_a_batch_with_repeats_and_broken_items(world: World) -> None:
    await world.open_account(1, may_go_negative=True)
    await world.open_account(2)
    first, second = document(amount_minor=1), document(amount_minor=2)
    items = [first, {"no": 1}, first, first | {"currency": "EUR"}, second]
    answer = await world.api.http.post("/transactions/batch", json={"transactions": items})
    assert [v["status"] for v in answer.json()["verdicts"]] == [
        "posted", "invalid", "replayed", "conflict", "posted",
    ]  # fmt: skip
    assert [str(i) for i in await outbox_ids(world.pool)] == [
        first["transaction_id"],
        second["transaction_id"],
    ]


async def test_s32_many_requests_at_once_become_few_calls_and_lose_nothing(world: World) -> None:
    """S32: the ledger holds each acknowledged transaction once."""
    await world.open_account(1, may_go_negative=True)
    await world.open_account(2)
    sent = [document(amount_minor=1) for _ in range(100)]
    outcomes = await asyncio.gather(*(world.post(**new) for new in sent + sent))
    assert sorted(outcomes) == [(200, "replayed")] * 100 + [(201, "posted")] * 100
    assert await world.balance(2) == 100
    assert sorted(map(str, await outbox_ids(world.pool))) == sorted(
        new["transaction_id"] for new in sent
    )
    assert 0 < len(world.woken) < 100
    await assert_sound(world.pool)


async def test_an_account_raced_by_two_is_opened_once(ledger_pool: Pool) -> None:
    async def open_as(currency: str) -> bool:
        async with ledger_pool.acquire() as connection:
            new = NewAccount(account_id=5, currency=currency)
            return (await accounts.open_account(connection, new, OPERATOR))[1]

    assert sorted(await asyncio.gather(*(open_as("USD") for _ in range(5)))) == [False] * 4 + [True]
    with pytest.raises(AccountConflict):
        await open_as("EUR")


async def test_the_probe_tells_an_empty_database_from_a_ledger(
    own_ledger_database: LedgerDatabase,
) -> None:
    async with asyncpg.create_pool(own_ledger_database.dsn, min_size=0) as pool:
        await Database(pool).run(accounts.probe, deadline=soon())
        await pool.execute("DROP SCHEMA ledger CASCADE")
        with pytest.raises(accounts.SchemaMissing):
            await Database(pool).run(accounts.probe, deadline=soon())
