"""Two or three sessions in a fixed order: each function shows one promise, or fails.

They take sessions of a superuser to an empty ledger, in which accounts 1 to 9 are opened here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.app_service.posting.model.documents import Sent, about, hold, transfer
from tests.app_service.posting.model.soundness import assert_sound
from tests.app_service.posting.model.world import post
from tests.patience import PATIENCE_SECONDS

# Answers to which a whole call is repeated: another session was faster.
LOST_RACE = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
)
Sessions = Sequence[Any]
Race = Callable[[Sessions], Awaitable[None]]


async def post_repeatedly(session: Any, call: Sequence[Sent]) -> list[str]:
    """As the service does it."""
    while True:
        try:
            return await post(session, call)
        except LOST_RACE:
            await asyncio.sleep(0)


def key(n: int) -> UUID:
    return UUID(int=n)


async def open_accounts(session: Any, *, negative: bool = True) -> None:
    await session.execute(
        """INSERT INTO ledger.accounts (account_id, currency, may_go_negative)
           SELECT n, 'USD', $1 OR n = 9 FROM generate_series(1, 9) n""",
        negative,
    )


async def calls_that_share_an_account_wait_and_decide_afterwards(sessions: Sessions) -> None:
    first, second, watcher = sessions
    await open_accounts(watcher, negative=False)
    await post(watcher, [transfer(key(1), 9, 1, 60)])
    transaction = first.transaction()
    await transaction.start()
    assert await post(first, [transfer(key(2), 1, 2, 60)]) == ["posted"]
    waits = asyncio.create_task(post(second, [transfer(key(3), 1, 3, 60)]))
    await waiting(watcher, 1)
    await transaction.commit()
    assert await waits == ["insufficient_funds"]


async def accounts_are_locked_in_the_order_of_their_numbers(sessions: Sessions) -> None:
    """Else two calls could wait for each other."""
    holder, caller, watcher = sessions
    await open_accounts(watcher)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute(f"{_ROW} FOR UPDATE", 5)
    call = [transfer(key(n), 10 - n, n) for n in (1, 2, 3, 4)] + [transfer(key(5), 5, 7)]
    waits = asyncio.create_task(post(caller, call))
    await waiting(watcher, 1)
    locked = [
        n
        for n in range(1, 10)
        if await watcher.fetchval(f"{_ROW} FOR UPDATE SKIP LOCKED", n) is None
    ]
    await transaction.rollback()
    await waits
    assert locked == [1, 2, 3, 4, 5]


async def transfers_with_ids_in_another_order_do_not_deadlock(sessions: Sessions) -> None:
    await _ids_in_another_order(sessions, transfer)


async def holds_with_ids_in_another_order_do_not_deadlock(sessions: Sessions) -> None:
    await _ids_in_another_order(sessions, hold)


async def _ids_in_another_order(sessions: Sessions, new: Callable[..., Sent]) -> None:
    """The same ids for accounts that no two calls share: only the ids wait for each other."""
    blocker, first, second = sessions
    await open_accounts(blocker)
    await second.execute("SET deadlock_timeout = '50ms'")
    transaction = blocker.transaction()
    await transaction.start()
    await post(blocker, [new(key(2), 5, 6)])
    calls = [asyncio.create_task(_or_error(first, [new(key(n), 1, 2) for n in (1, 2, 3)]))]
    await waiting(blocker, 1)
    calls.append(asyncio.create_task(_or_error(second, [new(key(n), 3, 4) for n in (3, 1)])))
    await waiting(blocker, 2)
    await transaction.rollback()
    assert await calls[0] == ["posted"] * 3
    assert await calls[1] == "UniqueViolationError"
    assert await post(second, [new(key(n), 3, 4) for n in (3, 1)]) == ["conflict"] * 2


async def a_target_that_is_posted_meanwhile_is_found_in_the_next_try(sessions: Sessions) -> None:
    """Its accounts are not locked: nothing can be said about it, and nothing may be recorded."""
    holder, caller, other = sessions
    await open_accounts(other)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute(f"{_ROW} FOR UPDATE", 5)
    call = [transfer(key(2), 5, 6), about(key(3), "reversal", key(1))]
    waits = asyncio.create_task(post_repeatedly(caller, call))
    await waiting(other, 1)
    await post(other, [transfer(key(1), 1, 2)])
    await transaction.rollback()
    assert await waits == ["posted", "posted"]


async def a_hold_is_closed_once(sessions: Sessions) -> None:
    first, second, watcher = sessions
    await open_accounts(watcher)
    await post(watcher, [hold(key(1), 1, 2, 10)])
    transaction = first.transaction()
    await transaction.start()
    assert await post(first, [about(key(2), "capture", key(1))]) == ["posted"]
    waits = asyncio.create_task(post(second, [about(key(3), "void", key(1))]))
    await waiting(watcher, 1)
    await transaction.commit()
    assert await waits == ["hold_closed"]


async def a_transaction_is_reversed_once(sessions: Sessions) -> None:
    first, second, watcher = sessions
    await open_accounts(watcher)
    await post(watcher, [transfer(key(1), 1, 2, 10)])
    transaction = first.transaction()
    await transaction.start()
    assert await post(first, [about(key(2), "reversal", key(1))]) == ["posted"]
    waits = asyncio.create_task(post(second, [about(key(3), "reversal", key(1))]))
    await waiting(watcher, 1)
    await transaction.commit()
    assert await waits == ["already_reversed"]


async def the_time_of_posting_is_after_the_locks(sessions: Sessions) -> None:
    """Else a later entry of an account could be earlier in time."""
    first, second, watcher = sessions
    await open_accounts(watcher)
    transaction = first.transaction()
    await transaction.start()
    await first.execute(f"{_ROW} FOR UPDATE", 1)
    waits = asyncio.create_task(post(second, [transfer(key(1), 1, 2)]))
    await waiting(watcher, 1)
    await post(first, [transfer(key(2), 1, 2)])
    unlocked = await watcher.fetchval("SELECT clock_timestamp()")
    await transaction.commit()
    await waits
    times = dict(await watcher.fetch("SELECT transaction_id, posted_at FROM ledger.transactions"))
    assert times[key(2)] < unlocked < times[key(1)]


async def an_account_that_stays_locked_is_given_up(sessions: Sessions) -> None:
    """The error says so, and nothing is written."""
    first, second, watcher = sessions
    await open_accounts(watcher)
    transaction = first.transaction()
    await transaction.start()
    await first.execute(f"{_ROW} FOR UPDATE", 1)
    await second.execute("SET statement_timeout = '2s'")
    with pytest.raises(asyncpg.LockNotAvailableError):
        await second.fetch(
            "SELECT ledger.post_transactions_v3($1, 20)", [transfer(key(1), 1, 2).row]
        )
    await transaction.rollback()
    assert await post(second, [transfer(key(1), 1, 2)]) == ["posted"]


RACES: tuple[Race, ...] = (
    calls_that_share_an_account_wait_and_decide_afterwards,
    accounts_are_locked_in_the_order_of_their_numbers,
    transfers_with_ids_in_another_order_do_not_deadlock,
    holds_with_ids_in_another_order_do_not_deadlock,
    a_target_that_is_posted_meanwhile_is_found_in_the_next_try,
    a_hold_is_closed_once,
    a_transaction_is_reversed_once,
    the_time_of_posting_is_after_the_locks,
    an_account_that_stays_locked_is_given_up,
)

_ROW = "SELECT account_id FROM ledger.accounts WHERE account_id = $1"


async def run_race(race: Race, dsn: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """A function that is broken may wait for ever: `seconds` end it."""
    sessions = [await asyncpg.connect(dsn) for _ in range(3)]
    try:
        async with asyncio.timeout(seconds):
            await race(sessions)
        await assert_sound(sessions[0], nothing_was_sent=True)
    finally:
        for session in sessions:
            session.terminate()


async def waiting(watcher: Any, sessions: int) -> None:
    """Returns when so many sessions of this database wait for a lock."""
    while sessions != await watcher.fetchval(_WAITING):  # noqa: ASYNC110 - it is in the database
        await asyncio.sleep(0.002)


_WAITING = """
    SELECT count(*) FROM pg_stat_activity
     WHERE wait_event_type = 'Lock' AND datname = current_database()"""


async def _or_error(session: Any, call: Sequence[Sent]) -> list[str] | str:
    try:
        return await post(session, call)
    except asyncpg.PostgresError as error:
        return type(error).__name__
