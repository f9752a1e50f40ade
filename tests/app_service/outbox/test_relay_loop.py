"""The loop of the relay: when it sends, lingers, pauses and stops."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from app_service.database.database import Pool
from app_service.outbox import outbox as outbox_module
from app_service.outbox import relay as relay_module
from app_service.outbox.relay import OutboxRelay
from tests.app_service.build import post, transaction
from tests.app_service.fake_aws import FakeQueue
from tests.app_service.outbox.batches import amounts, rows, unsent
from tests.patience import PATIENCE_SECONDS


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
    await asyncio.wait_for(running, PATIENCE_SECONDS)
    assert [amounts(message) for message in queue.messages] == [[1], [2]]


async def test_the_loop_lingers_so_that_messages_are_few(
    pool: Pool, make_relay: Callable[..., OutboxRelay], queue: FakeQueue
) -> None:
    relay = make_relay(linger_seconds=3600)
    running = asyncio.create_task(relay.run())
    await _until(lambda: relay._awake._waiters)
    await post(pool, transaction(amount=1))
    relay.wake()
    await _until(lambda: len(queue.messages) == 1)
    for amount in (2, 3):
        await post(pool, transaction(amount=amount))
        relay.wake()
    await asyncio.sleep(0.05)
    assert len(queue.messages) == 1
    relay.stop()
    await asyncio.wait_for(running, PATIENCE_SECONDS)
    assert [amounts(message) for message in queue.messages] == [[1], [2, 3]]


async def test_one_message_is_made_up_while_another_one_is_sent(
    pool: Pool,
    make_relay: Callable[..., OutboxRelay],
    queue: FakeQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And without a linger as long as there is more."""
    monkeypatch.setattr(outbox_module, "ROWS_MAX", 1)
    relay = make_relay(linger_seconds=3600)
    for _ in range(2):
        await post(pool, transaction())
    both_send = threading.Barrier(2, timeout=PATIENCE_SECONDS)
    queue.before_answer = both_send.wait
    running = asyncio.create_task(relay.run())
    relay.wake()
    await _until(lambda: len(queue.messages) == 2)
    relay.stop()
    await asyncio.wait_for(running, PATIENCE_SECONDS)


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
    assert await rows(pool) == 5
    monkeypatch.setattr(relay_module, "LAST_PASSES_SECONDS", PATIENCE_SECONDS)
    await relay.run()
    assert await rows(pool) == 0
    assert len({m["batch_id"] for m in queue.messages}) == 6


async def test_the_loop_polls_for_what_the_processor_posted(
    pool: Pool, make_relay: Callable[..., OutboxRelay], queue: FakeQueue
) -> None:
    relay = make_relay(poll_seconds=0.01)
    running = asyncio.create_task(relay.run())
    await post(pool, transaction())
    await _until(lambda: len(queue.messages) == 1)
    relay.stop()
    await running


async def test_the_loop_logs_every_failure_and_continues(
    pool: Pool,
    make_relay: Callable[..., OutboxRelay],
    queue: FakeQueue,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    relay = make_relay(poll_seconds=0.01)
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
        broken.setattr(
            outbox_module, "_TAKE_SQL", "SELECT $1::int / 0, $2::bigint, $3::double precision"
        )
        await _until(lambda: caplog.records[-1].levelno == logging.ERROR)
        assert caplog.records[-1].exc_info
        relay.stop()
        await running
    assert _extra(caplog.records[-1], "again_in_seconds") is None


async def test_a_failing_relay_stops_at_once(
    pool: Pool,
    make_relay: Callable[..., OutboxRelay],
    queue: FakeQueue,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay_module, "PAUSE_MAX_SECONDS", 3600)
    relay = make_relay()
    await post(pool, transaction())
    queue.offline = True
    running = asyncio.create_task(relay.run())
    relay.wake()
    await _until(lambda: caplog.records)
    relay.wake()  # a posting does not shorten the pause of an unavailable queue
    relay.stop()
    await asyncio.wait_for(running, PATIENCE_SECONDS)
    assert len(await unsent(pool)) == 1


async def test_the_probe_fails_if_the_queue_does_not_answer(
    relay: OutboxRelay, queue: FakeQueue
) -> None:
    await relay._queue.probe()
    queue.offline = True
    with pytest.raises(Exception, match="Could not connect"):
        await relay._queue.probe()


def _extra(record: logging.LogRecord, name: str) -> Any:
    return getattr(record, name)


async def _until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition has no event
            await asyncio.sleep(0.005)
