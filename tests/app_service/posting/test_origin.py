"""Where a transaction came from is stored with it, and is no content of it."""

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from app_service.database.database import Pool
from app_service.ledger.actor import Actor, Path, Role
from app_service.ledger.verdict import Verdict
from app_service.reading import transaction_reads
from tests.app_service.build import (
    OPERATOR,
    open_accounts,
    post_submissions,
    submitted,
    transaction,
)

TRACE, DIGITS = "1-67891233-abcdef012345678912345678", "67891233abcdef012345678912345678"
MESSAGE = "67891233-abcd-ef01-2345-678912345678"  # the same digits
QUEUE = Actor(client_id="transaction-queue", user_id="AROA", path=Path.QUEUE, role=Role.OPERATOR)


async def post(pool: Pool, origin_id: str | None, actor: Actor, *what: Any) -> list[Verdict]:
    return await post_submissions(
        pool, *(replace(each, origin_id=origin_id) for each in submitted(*what, actor=actor))
    )


async def records(pool: Pool) -> list[dict[str, Any]]:
    rows = await pool.fetch("SELECT body FROM ledger.take_batches(100, 1000000, 30)")
    return [record for row in rows for record in json.loads(row["body"])["transactions"]]


def origin_in(document: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in document.items() if k in ("trace_id", "message_id")}


async def test_records_and_answers_name_the_trace_or_the_message(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2)
    by_request, by_message, unknown = transaction(), transaction(), transaction()
    await post(ledger_pool, DIGITS, OPERATOR, by_request)
    await post(ledger_pool, DIGITS, QUEUE, by_message)
    await post(ledger_pool, None, OPERATOR, unknown)
    expected: list[dict[str, Any]] = [{"trace_id": TRACE}, {"message_id": MESSAGE}, {}]
    assert [origin_in(record) for record in await records(ledger_pool)] == expected
    async with ledger_pool.acquire() as connection:
        read = [
            await transaction_reads.transaction(connection, each.transaction_id, limited_to=None)
            for each in (by_request, by_message, unknown)
        ]
    assert [origin_in(each.to_json()) for each in read] == expected


async def test_a_replay_that_came_another_way_is_a_replay_and_the_first_origin_stays(
    ledger_pool: Pool,
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    wanted, refused = transaction(), transaction(2, 1, 1000)
    assert await post(ledger_pool, DIGITS, OPERATOR, wanted, refused) == [
        Verdict.POSTED,
        Verdict.INSUFFICIENT_FUNDS,
    ]
    assert await post(ledger_pool, "f" * 32, QUEUE, wanted, refused) == [
        Verdict.REPLAYED,
        Verdict.INSUFFICIENT_FUNDS,
    ]
    assert await ledger_pool.fetchval(
        "SELECT array_agg(DISTINCT CAST(origin_id AS text)) FROM ledger.transactions"
    ) == [MESSAGE]


async def test_a_call_has_an_origin_for_each_transaction_or_none_at_all(ledger_pool: Pool) -> None:
    row = (uuid4(), "transfer", 1, 2, 1, "USD", *[None] * 2, False, *[None] * 4, "api", True)
    for origins in ([], [uuid4(), uuid4()]):
        with pytest.raises(asyncpg.PostgresError, match="posting needs one plain array"):
            await ledger_pool.fetch("SELECT ledger.post_transactions_v3($1, 1, $2)", [row], origins)


async def test_each_of_a_call_with_repeated_ids_keeps_its_own(ledger_pool: Pool) -> None:
    """Such a call is decided in parts."""
    await open_accounts(ledger_pool, 1, 2)
    first, second = transaction(), transaction()
    submissions = [
        replace(each, origin_id=str(place) * 32)
        for place, each in enumerate(submitted(first, first, second))
    ]
    await post_submissions(ledger_pool, *submissions)
    found = await ledger_pool.fetch("SELECT transaction_id, origin_id FROM ledger.transactions")
    assert {row["transaction_id"]: row["origin_id"].hex for row in found} == {
        first.transaction_id: "0" * 32,
        second.transaction_id: "2" * 32,
    }
