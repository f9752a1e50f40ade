"""The relay's batches: real PostgreSQL, a queue below a real boto3 client."""

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app_service.database.database import Pool
from app_service.log_messages import BATCH_SENT
from app_service.outbox import outbox as outbox_module
from app_service.outbox import relay as relay_module
from app_service.outbox.canonical_record import record_hash
from app_service.outbox.outbox import Waiting
from app_service.outbox.relay import NotSent, OutboxRelay
from lambda_src.shared.queue_messages import SEND_BYTES_MAX
from tests.app_service.build import (
    open_accounts,
    post,
    post_submissions,
    submitted,
    transaction,
)
from tests.app_service.fake_aws import FakeQueue
from tests.app_service.outbox.batches import amounts, pass_time, rows, sent, unsent
from tests.patience import PATIENCE_SECONDS

BAD = 13  # the amount of a transaction whose batch the queue refuses


async def test_the_trace_of_the_only_request_of_a_batch_is_an_attribute_of_its_message(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue, caplog: pytest.LogCaptureFixture
) -> None:
    """And one line names the message; batches of several requests have no trace."""
    caplog.set_level(logging.INFO)
    origins = ["67891233abcdef012345678912345678", "f" * 32]

    async def post_with(*origins: str | None) -> None:
        for origin_id in origins:
            await post_submissions(pool, replace(submitted(transaction())[0], origin_id=origin_id))
        assert await relay.relay_once() == 1

    await post_with(origins[0], origins[0])
    await post_with(*origins)
    await post_with(origins[0], None)
    await post_with(None)
    await post_with(*[origins[0]] * 60)  # too large to look into
    trace = {"DataType": "String", "StringValue": "Root=1-67891233-abcdef012345678912345678"}
    assert queue.system_attributes == [{"AWSTraceHeader": trace}, {}, {}, {}, {}]
    lines = [vars(record) for record in caplog.records if record.message == BATCH_SENT]
    assert [(line["batch_id"], line["message_id"]) for line in lines] == [
        (message["batch_id"], "m") for message in queue.messages
    ]


async def test_what_was_posted_becomes_one_message_with_its_transactions_in_order(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    first, second, third = (transaction(amount=amount) for amount in (1, 2, 3))
    await post(pool, first, second)
    await post(pool, third)
    times = [r[0] for r in await pool.fetch("SELECT created_at FROM ledger.outbox_v2 ORDER BY 1")]
    assert await relay.relay_once() == 1
    [batch] = await sent(pool)
    posted_at = [moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for moment in times]
    assert queue.messages == [
        {
            "type": "transactions.posted",
            "version": 1,
            "batch_id": str(batch["batch_id"]),
            "posted_at": posted_at[0],
            "chain": {
                "number": 1,
                "previous_hash": "0" * 64,
                "records_hash": batch["records_hash"].hex(),
                "hash": batch["batch_hash"].hex(),
            },
            "transactions": [
                record | {"hash": record_hash(record)}
                for t, moment in (
                    (first, posted_at[0]),
                    (second, posted_at[0]),
                    (third, posted_at[1]),
                )
                for record in [
                    t.to_json()
                    | {"client_id": "bank", "user_id": "alice", "path": "api", "posted_at": moment}
                ]
            ],
        }
    ]
    assert batch["transaction_ids"] == [t.transaction_id for t in (first, second, third)]
    assert (await rows(pool), await unsent(pool)) == (0, [])
    assert await relay.relay_once() == 0


async def test_a_message_holds_transactions_of_one_day_with_times_in_microseconds(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    """An object stands in the folder of the day on which all of its transactions were posted."""
    for _ in range(4):
        await post(pool, transaction())
    async with pool.acquire() as connection:
        await connection.execute(
            "SET session_replication_role = replica;"
            "UPDATE ledger.outbox_v2 SET created_at = '2026-01-02T00:00:00Z'::timestamptz"
            " - outbox_id % 2 * interval '1 s';"
            "UPDATE ledger.transactions t SET posted_at = o.created_at FROM ledger.outbox_v2 o"
            " WHERE t.transaction_id = ANY (o.transaction_ids);"
            "RESET session_replication_role"
        )
    await relay.relay_once()
    assert [
        {message["posted_at"], *(t["posted_at"] for t in message["transactions"])}
        for message in queue.messages
    ] == [{"2026-01-01T23:59:59.000000Z"}, {"2026-01-02T00:00:00.000000Z"}]
    assert [len(message["transactions"]) for message in queue.messages] == [2, 2]


async def test_messages_are_full_but_never_larger_than_the_queue_takes(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    """In bytes as SQS counts them, whatever the texts are."""
    biggest = 2**53 - 1
    await open_accounts(pool, biggest, biggest - 1, negative=(biggest,))
    most = 2 * (biggest // 1000)
    for _ in range(3):
        await post(pool, *(transaction(biggest, biggest - 1, most // 6) for _ in range(1000)))
        large: Any = {"reference": "\U0001f600" * 200, "metadata": {"a": '\x01"' * 500}}
        await post(pool, *(replace(transaction(1, 2, 1), **large) for _ in range(100)))
    for _ in range(20):
        await post(pool, transaction())
    sizes: list[int] = []
    send = relay._queue.send

    async def measured(body: str, *, trace_id: str | None = None) -> str:
        sizes.append(len(body.encode()))
        return await send(body, trace_id=trace_id)

    relay._queue.send = measured  # type: ignore[method-assign]
    while await relay.relay_once():
        pass
    ids = [t["transaction_id"] for m in queue.messages for t in m["transactions"]]
    assert len(ids) == len(set(ids)) == 3 * 1100 + 20
    assert max(sizes) <= SEND_BYTES_MAX
    assert max(sizes) > SEND_BYTES_MAX / 2


async def test_what_is_held_in_memory_is_limited(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "BYTES_MAX", 2000)
    await post(pool, *(transaction() for _ in range(4)))  # above the limit: alone
    for _ in range(2):
        await post(pool, transaction())
    taken = await relay._take()
    assert (len(taken.batches), taken.is_more) == (1, True)
    taken = await relay._take()
    assert (len(taken.batches), taken.is_more) == (1, False)
    assert [len(amounts(json.loads(b.body))) for b in taken.batches] == [2]


async def test_s23_a_crash_after_sealing_sends_the_batch_later(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    """S23: the batch is committed, and another relay sends it when the lease is over."""
    await post(pool, transaction())
    taken = await relay._take()  # and the task dies
    assert await rows(pool) == 0
    assert await relay.relay_once() == 0, "the other one may still be sending it"
    await post(pool, transaction())
    await pass_time(pool, "30 s")
    assert await relay.relay_once() == 2
    assert queue.messages[0] == json.loads(taken.batches[0].body)


async def test_s23_a_crash_after_sending_sends_the_same_message_again(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S23: the audit writer recognises a batch by its batch_id; the bytes are the same, too."""
    await post(pool, transaction(), transaction())
    with monkeypatch.context() as broken:
        broken.setattr(outbox_module, "_SENT_SQL", "SELECT 1 / 0 WHERE $1::uuid[] IS NOT NULL")
        with pytest.raises(Exception, match="division by zero"):
            await relay.relay_once()
    await pass_time(pool, "30 s")
    await relay.relay_once()
    first, second = queue.messages
    assert first == second
    assert len(await sent(pool)) == 1


async def test_a_batch_that_two_relays_have_sent_is_recorded_once(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    await post(pool, transaction())
    slow = await relay._take()
    await pass_time(pool, "30 s")
    await relay.relay_once()
    await relay._send(slow)
    assert len(queue.messages) == 2
    assert len(await sent(pool)) == 1


async def test_two_relays_share_the_work_and_send_each_transaction_once(
    pool: Pool,
    make_relay: Callable[..., OutboxRelay],
    queue: FakeQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox_module, "ROWS_MAX", 3)
    for _ in range(6):
        await post(pool, transaction())
    both_send = threading.Barrier(2, timeout=PATIENCE_SECONDS)
    queue.before_answer = both_send.wait
    assert await asyncio.gather(*(make_relay().relay_once() for _ in range(2))) == [1, 1]
    ids = [t["transaction_id"] for m in queue.messages for t in m["transactions"]]
    assert len(ids) == len(set(ids)) == 6


async def test_relays_of_the_version_before_work_beside_the_new_ones(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    """What they hold is not sealed, and what they have sent is recorded under the same batch_id."""
    theirs, ours = transaction(), transaction()
    await post(pool, theirs)
    async with pool.acquire() as connection, connection.transaction():
        [event] = await connection.fetch("SELECT * FROM ledger.lock_events(100, 8000000)")
        await post(pool, ours)
        assert await relay.relay_once() == 1
        await connection.execute("SELECT ledger.delete_events($1)", [event["outbox_id"]])
    assert await relay.relay_once() == 0
    assert [t["transaction_id"] for m in queue.messages for t in m["transactions"]] == [
        str(ours.transaction_id)
    ]
    recorded = {b["transaction_ids"][0]: str(b["batch_id"]) for b in await sent(pool)}
    assert recorded == {
        ours.transaction_id: queue.messages[0]["batch_id"],
        theirs.transaction_id: json.loads(event["body"])["batch_id"],
    }


async def test_what_is_left_in_the_old_outbox_is_sent(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    await pool.execute(
        "SELECT ledger.post_transactions(ARRAY[gen_random_uuid()], '{1}', '{2}', '{5}', '{USD}')"
    )
    assert await rows(pool) == 0
    assert await relay.relay_once() == 1
    assert amounts(queue.messages[0]) == [5]
    assert await pool.fetchval("SELECT count(*) FROM ledger.outbox") == 0


async def test_s23_an_unavailable_queue_loses_nothing(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    """S23: it is no refusal of a batch, and the batch is due at once when the queue is back."""
    await post(pool, transaction())
    queue.offline = True
    for _ in range(12):
        with pytest.raises(NotSent, match="EndpointConnectionError"):
            await relay.relay_once()
    [batch] = await unsent(pool)
    assert batch["refusals"] == 0
    queue.offline = False
    assert await relay.relay_once() == 1


async def test_a_refused_batch_does_not_stop_the_others(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    queue.refuses = lambda body: BAD in amounts(body)
    await post(pool, transaction(amount=BAD))
    with pytest.raises(NotSent, match="InvalidMessageContents"):
        await relay.relay_once()  # nobody knows yet whose fault it is
    await post(pool, transaction(amount=1))
    assert await relay.relay_once() == 1
    [refused] = await unsent(pool)
    assert (refused["refusals"], refused["last_error"]) == (1, "InvalidMessageContents")
    # The pauses are its own: each pass sends what is new.
    for passes in range(2, 11):
        await pass_time(pool, "1 min")
        await post(pool, transaction(amount=passes))
        assert await relay.relay_once() == 1
        assert await relay.relay_once() == 0
    assert [amounts(message) for message in queue.messages] == [[n] for n in range(1, 11)]
    found = await relay.waiting()
    assert found == Waiting(batches=0, oldest_seconds=0, set_aside=1)
    await pass_time(pool, "1 min")
    assert await relay.relay_once() == 0, "it is set aside"

    queue.refuses = lambda _body: False
    assert await pool.fetchval("SELECT ledger.retry_batches()") == 1
    assert await relay.relay_once() == 1
    assert amounts(queue.messages[-1]) == [BAD]
    assert [batch["refusals"] for batch in await sent(pool)][-1] == 0
    assert (await relay.waiting()).set_aside == 0


async def test_a_batch_that_is_set_aside_is_tried_once_an_hour(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    await post(pool, transaction())
    [batch] = (await relay._take()).batches
    for _ in range(10):
        await pool.execute("SELECT ledger.record_refused($1, 'no')", batch.batch_id)
    await pass_time(pool, "59 min")
    assert await relay.relay_once() == 0
    await pass_time(pool, "1 min")
    assert await relay.relay_once() == 1


async def test_a_hundred_refused_batches_do_not_stop_the_others(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.refuses = lambda body: BAD in amounts(body)
    monkeypatch.setattr(outbox_module, "ROWS_MAX", 1)
    for _ in range(100):
        await post(pool, transaction(amount=BAD))
        await relay._take()
    for number in range(20):
        await pass_time(pool, "1 min")
        await post(pool, transaction(amount=100 + number))
        assert await relay.relay_once() == 1


async def test_what_there_was_no_time_to_send_is_released(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post(pool, transaction())
    with monkeypatch.context() as slow:
        slow.setattr(relay_module, "SENDING_SECONDS", 0)
        assert await relay.relay_once() == 0
    assert await relay.relay_once() == 1


async def test_s50_the_backlog_is_reported_with_its_size_and_age(
    pool: Pool, relay: OutboxRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sealed and not sent waits, too."""
    nothing = Waiting(batches=0, oldest_seconds=0, set_aside=0)
    assert await relay.waiting() == nothing
    await post(pool, transaction(), transaction())
    await pool.execute("ALTER TABLE ledger.outbox_v2 DISABLE TRIGGER sent_as_written")
    await pool.execute("UPDATE ledger.outbox_v2 SET created_at = now() - interval '90 s'")
    await pool.execute("ALTER TABLE ledger.outbox_v2 ENABLE TRIGGER sent_as_written")
    await post(pool, transaction())
    found = await relay.waiting()
    assert found.batches == 2
    assert 90 <= found.oldest_seconds < 150
    with monkeypatch.context() as small:
        small.setattr(outbox_module, "COUNTED_MAX", 1)
        assert (await relay.waiting()).batches == 1
    taken = await relay._take()
    assert len(taken.batches) == (await relay.waiting()).batches
    assert 90 <= (await relay.waiting()).oldest_seconds < 150
    await relay._send(taken)
    assert await relay.waiting() == nothing
