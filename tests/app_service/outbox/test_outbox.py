"""The relay: real PostgreSQL, a queue below a real boto3 client."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from app_service.database.database import Database, Pool
from app_service.outbox import outbox as outbox_module
from app_service.outbox import relay as relay_module
from app_service.outbox.outbox import Waiting
from app_service.outbox.relay import NotSent, OutboxRelay
from tests.app_service.build import open_accounts, post, transaction
from tests.app_service.fake_aws import QUEUE_URL, FakeQueue


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


@pytest_asyncio.fixture
async def pool(ledger_pool: Pool) -> AsyncIterator[Pool]:
    await open_accounts(ledger_pool, 1, 2)
    yield ledger_pool


@pytest.fixture
def relay(pool: Pool, queue: FakeQueue, executor: ThreadPoolExecutor) -> OutboxRelay:
    return relay_over(pool, queue, executor)


def relay_over(
    pool: Pool, queue: FakeQueue, executor: ThreadPoolExecutor, poll_seconds: float = 60
) -> OutboxRelay:
    return OutboxRelay(
        database=Database(pool),
        queue=queue.client,
        queue_url=QUEUE_URL,
        executor=executor,
        poll_seconds=poll_seconds,
    )


async def waiting(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM ledger.outbox_v2"))


async def test_a_transaction_sql_becomes_one_message_with_its_transactions_in_order(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    first, second = transaction(amount=1), transaction(amount=2)
    await post(pool, first, second)
    row = await pool.fetchrow("SELECT batch_id, created_at FROM ledger.outbox_v2")
    assert row is not None
    assert await relay.relay_once() == 1
    posted_at = row["created_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert queue.messages == [
        {
            "type": "transactions.posted",
            "version": 1,
            "batch_id": str(row["batch_id"]),
            "posted_at": posted_at,
            "transactions": [
                t.to_json()
                | {"client_id": "bank", "user_id": "alice", "path": "api", "posted_at": posted_at}
                for t in (first, second)
            ],
        }
    ]
    assert await waiting(pool) == 0
    assert await relay.relay_once() == 0


async def test_times_have_microseconds_even_at_a_full_second(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    await post(pool, transaction())
    async with pool.acquire() as connection:
        await connection.execute(
            "SET session_replication_role = replica;"
            "UPDATE ledger.transactions SET posted_at = '2026-01-02T03:04:05Z';"
            "UPDATE ledger.outbox_v2 SET created_at = '2026-01-02T03:04:05Z';"
            "RESET session_replication_role"
        )
    await relay.relay_once()
    [message] = queue.messages
    times = {message["posted_at"], message["transactions"][0]["posted_at"]}
    assert times == {"2026-01-02T03:04:05.000000Z"}


async def test_s23_what_the_queue_did_not_acknowledge_stays_and_is_sent_later(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    """S23: a send that fails in part loses no audit record."""
    bad = transaction(amount=13)
    for new in (transaction(amount=1), bad, transaction(amount=3)):
        await post(pool, new)
    queue.refuses = lambda body: body["transactions"][0]["amount_minor"] == 13
    with pytest.raises(NotSent, match="InternalError"):
        await relay.relay_once()
    assert [m["transactions"][0]["amount_minor"] for m in queue.messages] == [1, 3]
    assert await waiting(pool) == 1
    queue.refuses = lambda _body: False
    assert await relay.relay_once() == 1
    assert queue.messages[-1]["transactions"][0]["transaction_id"] == str(bad.transaction_id)


async def test_s50_the_backlog_is_reported_with_its_size_and_age(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await relay.waiting() == Waiting(batches=0, oldest_seconds=0)
    await post(pool, transaction(), transaction())
    await pool.execute("ALTER TABLE ledger.outbox_v2 DISABLE TRIGGER sent_as_written")
    await pool.execute("UPDATE ledger.outbox_v2 SET created_at = now() - interval '90 s'")
    await pool.execute("ALTER TABLE ledger.outbox_v2 ENABLE TRIGGER sent_as_written")
    await post(pool, transaction())
    found = await relay.waiting()
    assert found.batches == 2
    assert 90 <= found.oldest_seconds < 150
    monkeypatch.setattr(outbox_module, "COUNTED_MAX", 1)
    assert (await relay.waiting()).batches == 1
    await relay.relay_once()
    assert await relay.waiting() == Waiting(batches=0, oldest_seconds=0)


async def test_an_unavailable_queue_loses_nothing(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    await post(pool, transaction())
    queue.offline = True
    with pytest.raises(NotSent, match="EndpointConnectionError"):
        await relay.relay_once()
    assert await waiting(pool) == 1


async def test_s23_a_crash_before_the_commit_sends_the_same_batch_id_again(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S23: the audit writer recognises a batch by its batch_id."""
    await post(pool, transaction())
    with monkeypatch.context() as broken:
        broken.setattr(outbox_module, "_DELETE_SQL", "SELECT 1 / 0 WHERE $1::bigint[] IS NOT NULL")
        with pytest.raises(Exception, match="division by zero"):
            await relay.relay_once()
    await relay.relay_once()
    first, second = queue.messages
    assert first == second


async def test_two_relays_share_the_work_and_send_each_batch_once(
    pool: Pool, queue: FakeQueue, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "ROWS_MAX", 3)
    for _ in range(6):
        await post(pool, transaction())
    both_send = threading.Barrier(2, timeout=5)
    queue.before_answer = both_send.wait
    relays = [relay_over(pool, queue, executor) for _ in range(2)]
    assert await asyncio.gather(*(r.relay_once() for r in relays)) == [3, 3]
    assert len({m["batch_id"] for m in queue.messages}) == 6


async def test_the_largest_calls_fit_the_limits_of_the_queue(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    """A call is at most 1000 transactions. Its messages are below 1 MiB with the longest numbers,
    and a call that is larger becomes several."""
    biggest = 2**53 - 1
    await open_accounts(pool, biggest, biggest - 1, negative=(biggest,))
    most = 2 * (biggest // 1000)
    for _ in range(3):
        await post(pool, *(transaction(biggest, biggest - 1, most // 6) for _ in range(1000)))
        large: Any = {"reference": "\U0001f600" * 200, "metadata": {"a": '\x01"' * 500}}
        await post(pool, *(replace(transaction(1, 2, 1), **large) for _ in range(500)))
    while await relay.relay_once():
        pass
    ids = [t["transaction_id"] for m in queue.messages for t in m["transactions"]]
    assert len(ids) == len(set(ids)) == 3 * 1500
    assert len(queue.messages) > 6


async def test_the_transactions_in_memory_are_limited(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "BYTES_MAX", 2000)
    await post(pool, *(transaction() for _ in range(4)))  # above the limit: sent alone
    for _ in range(2):
        await post(pool, transaction(), transaction())
    assert [await relay.relay_once() for _ in range(4)] == [1, 1, 1, 0]
    assert [len(m["transactions"]) for m in queue.messages] == [4, 2, 2]


async def test_the_loop_sends_when_woken_and_before_it_stops(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    running = asyncio.create_task(relay.run())
    await _until(lambda: relay._awake._waiters)
    await post(pool, transaction(amount=1))
    relay.wake()
    await _until(lambda: len(queue.messages) == 1)
    await _until(lambda: relay._awake._waiters)
    await post(pool, transaction(amount=2))
    relay.stop()
    await asyncio.wait_for(running, 5)
    assert [m["transactions"][0]["amount_minor"] for m in queue.messages] == [1, 2]


async def test_s23_the_loop_ends_when_nothing_is_left_or_its_time_is_over(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S23: the last task of an environment sends the whole backlog, in any number of passes; one
    of several tasks stops in time although the others continue to post."""
    monkeypatch.setattr(outbox_module, "ROWS_MAX", 1)
    for _ in range(6):
        await post(pool, transaction())
    relay.stop()
    with monkeypatch.context() as hurried:
        hurried.setattr(relay_module, "LAST_PASSES_SECONDS", 0)
        await relay.run()
    assert await waiting(pool) == 5
    await relay.run()
    assert await waiting(pool) == 0
    assert len({m["batch_id"] for m in queue.messages}) == 6


async def test_the_loop_polls_for_what_the_processor_posted(
    pool: Pool, queue: FakeQueue, executor: ThreadPoolExecutor
) -> None:
    relay = relay_over(pool, queue, executor, poll_seconds=0.01)
    running = asyncio.create_task(relay.run())
    await post(pool, transaction())
    await _until(lambda: len(queue.messages) == 1)
    relay.stop()
    await running


async def test_the_loop_logs_every_failure_and_continues(
    pool: Pool,
    queue: FakeQueue,
    executor: ThreadPoolExecutor,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    relay = relay_over(pool, queue, executor, poll_seconds=0.01)
    await post(pool, transaction())
    queue.offline = True
    running = asyncio.create_task(relay.run())
    await _until(lambda: len(caplog.records) >= 2)
    pauses = [_extra(record, "again_in_seconds") for record in caplog.records]
    assert pauses[:2] == [0.02, 0.04]
    assert caplog.records[0].levelno == logging.WARNING
    queue.offline = False
    await _until(lambda: len(queue.messages) == 1)
    with monkeypatch.context() as broken:
        broken.setattr(outbox_module, "_LOCK_SQL", "SELECT $1::int / 0, $2::bigint")
        await _until(lambda: caplog.records[-1].levelno == logging.ERROR)
        assert caplog.records[-1].exc_info
        relay.stop()
        await running
    assert _extra(caplog.records[-1], "again_in_seconds") is None


async def test_a_failing_relay_stops_at_once(
    pool: Pool, queue: FakeQueue, executor: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    relay = relay_over(pool, queue, executor, poll_seconds=60)
    await post(pool, transaction())
    queue.offline = True
    running = asyncio.create_task(relay.run())
    await _until(lambda: caplog.records)
    relay.wake()  # a posting does not shorten the pause of an unavailable queue
    relay.stop()
    await asyncio.wait_for(running, 5)
    assert await waiting(pool) == 1


async def test_the_probe_fails_if_the_queue_does_not_answer(
    pool: Pool, relay: OutboxRelay, queue: FakeQueue
) -> None:
    await relay.probe()
    queue.offline = True
    with pytest.raises(Exception, match="Could not connect"):
        await relay.probe()


def _extra(record: logging.LogRecord, name: str) -> Any:
    return getattr(record, name)


async def _until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the condition has no event
            await asyncio.sleep(0.005)
