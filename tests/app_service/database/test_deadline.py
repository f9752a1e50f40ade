"""When a connection is terminated: at the deadline, not earlier or later; or with its caller."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app_service.database.database import Database
from app_service.ledger.domain import DatabaseUnavailable
from tests.app_service.database.fake_pool import FakePool
from tests.app_service.virtual_time import in_virtual_time, now, sleep_until

DEADLINE = 8.0


def command(seconds: float) -> Callable[[Any], Coroutine[Any, Any, str]]:
    return lambda connection: connection.command(seconds)


@pytest.mark.parametrize("runs", [Database.run, Database.run_once])
@in_virtual_time
async def test_at_the_deadline_the_connection_of_a_running_command_is_terminated(runs: Any) -> None:
    """The command is not cancelled: the server could hang, or make an unsafe commit visible."""
    pool = FakePool()
    with pytest.raises(DatabaseUnavailable):
        await runs(Database(pool.pool), command(100), deadline=DEADLINE)
    assert now() == DEADLINE
    assert pool.done == [("acquire", 1, 0), ("terminate", 1, DEADLINE), ("release", 1, DEADLINE)]


@in_virtual_time
async def test_a_command_that_ends_just_before_the_deadline_has_its_result() -> None:
    pool = FakePool()
    assert await Database(pool.pool).run(command(DEADLINE - 0.001), deadline=DEADLINE) == "done"
    assert pool.when("terminate") == []


@in_virtual_time
async def test_the_deadline_ends_with_the_work() -> None:
    """Or it would terminate the work of the caller that has the connection by then."""
    pool = FakePool()
    database = Database(pool.pool)
    await database.run(command(1), deadline=DEADLINE)
    assert await database.run(command(20), deadline=100) == "done"
    assert pool.when("terminate") == []


@in_virtual_time
async def test_who_waits_for_a_connection_is_answered_at_the_deadline() -> None:
    pool = FakePool(size=1)
    database = Database(pool.pool)
    long = asyncio.create_task(database.run(command(50), deadline=100))
    await asyncio.sleep(1)
    with pytest.raises(DatabaseUnavailable):
        await database.run(command(1), deadline=DEADLINE)
    assert now() == DEADLINE
    assert await long == "done", "the connection of another caller is left alone"
    assert await database.run(command(1), deadline=100) == "done"


@in_virtual_time
async def test_the_rest_of_the_time_is_for_the_repetitions_together() -> None:
    pool = FakePool()

    async def fails_late(connection: Any) -> None:
        await connection.command(3)
        raise ConnectionResetError

    with pytest.raises(DatabaseUnavailable):
        await Database(pool.pool).run(fails_late, deadline=DEADLINE)
    assert now() == DEADLINE
    assert len(pool.when("acquire")) == 3
    assert pool.done[-2:] == [("terminate", 3, DEADLINE), ("release", 3, DEADLINE)]


@in_virtual_time
async def test_a_repetition_that_would_begin_after_the_deadline_is_not_awaited() -> None:
    pool = FakePool()
    with pytest.raises(DatabaseUnavailable):
        await Database(pool.pool).run(command_that_fails_at(DEADLINE - 0.001), deadline=DEADLINE)
    assert now() == DEADLINE - 0.001
    assert len(pool.when("acquire")) == 1


def command_that_fails_at(moment: float) -> Callable[[Any], Coroutine[Any, Any, None]]:
    async def work(_connection: Any) -> None:
        await sleep_until(moment)
        raise ConnectionResetError

    return work


@pytest.mark.parametrize("runs", [Database.run, Database.run_once])
@in_virtual_time
async def test_a_cancelled_caller_takes_its_connection_along_at_once(runs: Any) -> None:
    """Before the release, which would wait for the command that runs in the server."""
    pool = FakePool()
    caller = asyncio.create_task(runs(Database(pool.pool), command(100), deadline=DEADLINE))
    await asyncio.sleep(2)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert now() == 2
    assert [(what, at) for what, _, at in pool.done if what != "cancel"] == [
        ("acquire", 0), ("terminate", 2), ("release", 2),
    ]  # fmt: skip
    await sleep_until(DEADLINE + 1)
    assert pool.when("terminate") == [2]


@in_virtual_time
async def test_a_caller_that_is_cancelled_while_it_waits_takes_no_connection() -> None:
    pool = FakePool(size=1)
    database = Database(pool.pool)
    long = asyncio.create_task(database.run(command(3), deadline=100))
    waiting = asyncio.create_task(database.run(command(1), deadline=100))
    await asyncio.sleep(1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await long == "done"
    assert await database.run(command(1), deadline=100) == "done"
    assert pool.when("terminate") == []
