"""Who waits for a turn with an account, and who does not."""

import asyncio

import pytest

from app_service.api.account_turns import AccountTurns
from app_service.ledger.domain import AccountBusy
from tests.app_service.virtual_time import in_virtual_time, now


async def take(turns: AccountTurns, account_id: int, seconds: float, deadline: float = 8) -> float:
    """When the turn began."""
    async with turns.turn(account_id, deadline=deadline):
        began = now()
        await asyncio.sleep(seconds)
    return began


@in_virtual_time
async def test_requests_of_one_account_take_turns_in_their_order() -> None:
    turns = AccountTurns(of_one=1, of_all=3)
    assert await asyncio.gather(*(take(turns, 7, 2) for _ in range(4))) == [0, 2, 4, 6]


@in_virtual_time
async def test_requests_that_wait_for_one_account_take_no_turn_of_the_others() -> None:
    turns = AccountTurns(of_one=1, of_all=2)
    waiting = [asyncio.create_task(take(turns, 7, 2)) for _ in range(3)]
    assert await asyncio.gather(*(take(turns, account, 2) for account in (8, 9))) == [0, 2]
    assert await asyncio.gather(*waiting) == [0, 2, 4]


@in_virtual_time
async def test_without_a_turn_until_the_deadline_the_account_is_busy() -> None:
    """And what ended so, or was cancelled, keeps no turn."""
    turns = AccountTurns(of_one=1, of_all=1)
    long = asyncio.create_task(take(turns, 7, 10))
    await asyncio.sleep(1)
    gone = asyncio.create_task(take(turns, 7, 1))
    await asyncio.sleep(1)
    gone.cancel()
    for account in (7, 8):
        with pytest.raises(AccountBusy):
            await take(turns, account, 1, deadline=now() + 2)
    assert now() == 6
    later = await asyncio.gather(*(take(turns, account, 1, 20) for account in (7, 8)))
    assert (await long, sorted(later)) == (0, [10, 11])


@in_virtual_time
async def test_an_error_in_a_turn_is_the_callers_and_gives_it_back() -> None:
    turns = AccountTurns(of_one=1, of_all=1)
    with pytest.raises(TimeoutError):
        async with turns.turn(7, deadline=8):
            raise TimeoutError
    assert await take(turns, 7, 1) == 0
