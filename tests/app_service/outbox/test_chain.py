"""Every sealed batch names the hash of the batch before, and every record carries its own."""

import asyncio
import json
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app_service.database.database import Pool
from app_service.outbox.canonical_record import record_hash
from app_service.outbox.outbox import record_sent, take_batches
from tests.app_service.build import post, transaction
from tests.app_service.outbox.batches import pass_time, sent


async def take(pool: Pool) -> list[dict[str, Any]]:
    async with pool.acquire() as connection:
        return [json.loads(batch.body) for batch in (await take_batches(connection)).batches]


def sha(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def hash_of(message: dict[str, Any]) -> str:
    """Computed from the message alone, as docs/messages.md describes it."""
    chain = message["chain"]
    records = sha("".join(record["hash"] + "\n" for record in message["transactions"]))
    lines = (
        chain["previous_hash"],
        chain["number"],
        message["batch_id"],
        message["posted_at"],
        records,
    )
    return sha("".join(f"{line}\n" for line in lines))


async def test_each_record_carries_the_hash_of_its_contents(pool: Pool) -> None:
    odd = {"b": [1, {"z": None, "aa": "\U0001f600"}], "": '\x7f\\"\n', "\u00e9": {}}
    await post(
        pool, replace(transaction(), metadata=odd, reference="\x85 caf\u00e9"), transaction()
    )
    [message] = await take(pool)
    for record in message["transactions"]:
        assert record["hash"] == record_hash(record)
    assert message["transactions"][0]["hash"] != message["transactions"][1]["hash"]


async def test_each_batch_has_the_next_number_and_the_hash_of_the_batch_before(pool: Pool) -> None:
    messages = []
    for _ in range(3):
        await post(pool, transaction(), transaction())
        messages += await take(pool)
    assert [message["chain"]["number"] for message in messages] == [1, 2, 3]
    hashes = [message["chain"]["hash"] for message in messages]
    assert [m["chain"]["previous_hash"] for m in messages] == ["0" * 64, *hashes[:-1]]
    assert [hash_of(message) for message in messages] == hashes


async def test_batches_of_one_call_are_a_chain_and_their_ids_sort_by_time(
    pool: Pool,
) -> None:
    """Three days make three batches."""
    for _ in range(3):
        await post(pool, transaction())
    async with pool.acquire() as connection:
        await connection.execute(
            "SET session_replication_role = replica;"
            "UPDATE ledger.outbox_v2"
            " SET created_at = created_at - outbox_id % 3 * interval '1 day';"
            "RESET session_replication_role"
        )
    messages = await take(pool)
    assert [message["chain"]["number"] for message in messages] == [1, 2, 3]
    assert [hash_of(message) for message in messages] == [m["chain"]["hash"] for m in messages]
    ids = [UUID(message["batch_id"]) for message in messages]
    assert ids == sorted(ids)
    assert {(i.version, i.variant) for i in ids} == {(7, "specified in RFC 4122")}
    sealed = await pool.fetch("SELECT batch_id, sealed_at FROM ledger.unsent_batches")
    for row in sealed:
        assert row["batch_id"].int >> 80 == int(row["sealed_at"].timestamp() * 1000)


async def test_relays_that_seal_at_the_same_time_make_one_chain(pool: Pool) -> None:
    for _ in range(40):
        await post(pool, transaction())

    async def seal() -> list[dict[str, Any]]:
        async with pool.acquire() as connection:
            rows = await connection.fetch("SELECT body FROM ledger.take_batches(3, 1000000, 30)")
            return [json.loads(row["body"]) for row in rows]

    messages = [m for made in await asyncio.gather(*(seal() for _ in range(8))) for m in made]
    while more := await seal():
        messages += more
    messages.sort(key=lambda message: int(message["chain"]["number"]))
    assert sum(len(message["transactions"]) for message in messages) == 40
    assert [message["chain"]["number"] for message in messages] == [*range(1, len(messages) + 1)]
    hashes = [message["chain"]["hash"] for message in messages]
    assert [m["chain"]["previous_hash"] for m in messages] == ["0" * 64, *hashes[:-1]]


async def test_what_is_sealed_and_rolled_back_leaves_no_gap(pool: Pool) -> None:
    await post(pool, transaction())
    async with pool.acquire() as connection:
        rolled_back = connection.transaction()
        await rolled_back.start()
        await take_batches(connection)
        await rolled_back.rollback()
    [message] = await take(pool)
    assert message["chain"]["number"] == 1


async def test_a_batch_that_is_sent_again_has_the_same_message(pool: Pool) -> None:
    await post(pool, transaction(), transaction())
    first = await take(pool)
    await pass_time(pool, "31 s")
    assert await take(pool) == first


async def test_a_sent_batch_keeps_its_place_and_is_recorded_once(pool: Pool) -> None:
    await post(pool, transaction())
    [message] = await take(pool)
    [row] = await pool.fetch("SELECT * FROM ledger.unsent_batches")
    async with pool.acquire() as connection:
        await record_sent(connection, [row["batch_id"]])
    [before] = await sent(pool)
    assert before["batch_hash"].hex() == message["chain"]["hash"]
    assert before["records_hash"].hex() == message["chain"]["records_hash"]
    assert before["previous_hash"].hex() == message["chain"]["previous_hash"]
    assert before["chain_number"] == 1

    # Later it is sent again, for example because its object is missing.
    columns = ", ".join(name for name in row.keys())  # noqa: SIM118 - a record is no mapping
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await pool.execute(
        f"INSERT INTO ledger.unsent_batches ({columns}) VALUES ({places})", *row.values()
    )
    async with pool.acquire() as connection:
        await record_sent(connection, [row["batch_id"]])
    assert await sent(pool) == [before]
    assert await pool.fetchval("SELECT count(*) FROM ledger.unsent_batches") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.audit_chain",
        "INSERT INTO ledger.audit_chain VALUES (true, 0, '')",
        "TRUNCATE ledger.audit_chain",
        "UPDATE ledger.unsent_batches SET chain_number = 1",
        "UPDATE ledger.unsent_batches SET batch_hash = NULL",
        "UPDATE ledger.sent_batches SET batch_hash = NULL",
    ],
)
async def test_no_statement_takes_a_place_of_the_chain_away(pool: Pool, statement: str) -> None:
    """Tried with the rights of the administrator."""
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
        await pool.execute(statement)
