"""Holds: what is reserved, captured, released, and who may do it."""

from dataclasses import replace

from app_service.database.database import Pool
from app_service.ledger.kinds import Kind
from tests.app_service.build import hold, open_accounts, post, to_target, transaction
from tests.app_service.posting.model import assert_sound


async def account(pool: Pool, account_id: int) -> tuple[int, int]:
    """Balance and what of it is held."""
    row = await pool.fetchrow(
        "SELECT balance_minor, held_minor FROM ledger.accounts WHERE account_id = $1", account_id
    )
    assert row is not None
    return row["balance_minor"], row["held_minor"]


async def with_money(pool: Pool, amount: int = 100) -> None:
    await open_accounts(pool, 1, 2, 3)
    assert await post(pool, transaction(1, 2, amount)) == ["posted"]


async def test_what_is_held_is_not_available_and_has_not_moved(ledger_pool: Pool) -> None:
    await with_money(ledger_pool)
    assert await post(ledger_pool, hold(60), transaction(2, 3, 41), transaction(2, 3, 40)) == [
        "posted", "insufficient_funds", "posted",
    ]  # fmt: skip
    assert await account(ledger_pool, 2) == (60, 60)
    assert await post(ledger_pool, hold(1)) == ["insufficient_funds"]
    await assert_sound(ledger_pool)


async def test_a_capture_moves_the_whole_hold_or_a_part_and_releases_the_rest(
    ledger_pool: Pool,
) -> None:
    await with_money(ledger_pool)
    whole, part = hold(30), hold(40)
    assert (
        await post(
            ledger_pool,
            whole,
            part,
            to_target(Kind.CAPTURE, whole),
            to_target(Kind.CAPTURE, part, 15),
        )
        == ["posted"] * 4
    )
    assert await account(ledger_pool, 2) == (55, 0)
    assert await account(ledger_pool, 3) == (45, 0)
    await assert_sound(ledger_pool)


async def test_a_hold_is_closed_once(ledger_pool: Pool) -> None:
    await with_money(ledger_pool)
    taken, released = hold(30), hold(30)
    capture, void = to_target(Kind.CAPTURE, taken), to_target(Kind.VOID, released)
    assert await post(ledger_pool, taken, released, capture, void) == ["posted"] * 4
    for late in (
        to_target(Kind.CAPTURE, taken),
        to_target(Kind.VOID, taken),
        to_target(Kind.CAPTURE, released),
        to_target(Kind.VOID, released),
    ):
        assert await post(ledger_pool, late) == ["hold_closed"]
    assert await post(ledger_pool, capture, void) == ["replayed", "replayed"]
    assert await account(ledger_pool, 2) == (70, 0)


async def test_a_capture_takes_at_most_what_is_held_of_what_is_a_hold(ledger_pool: Pool) -> None:
    await with_money(ledger_pool)
    held, moved, poor = hold(30), transaction(2, 3, 10), hold(1000)
    assert await post(ledger_pool, held, moved, poor) == ["posted", "posted", "insufficient_funds"]
    assert await post(
        ledger_pool,
        to_target(Kind.CAPTURE, held, 31),
        to_target(Kind.CAPTURE, moved),
        to_target(Kind.VOID, poor),
        to_target(Kind.VOID, transaction()),
    ) == ["amount_exceeds_hold", "not_a_hold", "not_a_hold", "transaction_not_found"]
    assert await account(ledger_pool, 2) == (90, 30)


async def test_a_capture_is_repeated_only_with_the_same_amount(ledger_pool: Pool) -> None:
    await with_money(ledger_pool)
    held = hold(30)
    capture = to_target(Kind.CAPTURE, held, 20)
    assert await post(ledger_pool, held, capture) == ["posted", "posted"]
    whole = replace(capture, amount_minor=None)
    assert await post(ledger_pool, whole, capture) == ["conflict", "replayed"]


async def test_a_frozen_account_releases_holds_but_moves_nothing(ledger_pool: Pool) -> None:
    await with_money(ledger_pool)
    held, other = hold(30), hold(20)
    await post(ledger_pool, held, other)
    assert await ledger_pool.fetchval(
        "SELECT ledger.change_account_state(2, 'frozen', 'bank', 'alice')"
    )
    assert await post(
        ledger_pool,
        to_target(Kind.CAPTURE, held),
        transaction(2, 3, 1),
        transaction(1, 2, 1),
        hold(1),
        to_target(Kind.VOID, other),
    ) == ["account_frozen"] * 4 + ["posted"]
    assert await account(ledger_pool, 2) == (100, 30)
