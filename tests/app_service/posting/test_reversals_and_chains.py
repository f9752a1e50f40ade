"""Reversals, and transactions that post together or not at all."""

from dataclasses import replace

from app_service.database.database import Pool
from app_service.ledger.kinds import Kind
from tests.app_service.build import (
    balance,
    chain,
    hold,
    open_accounts,
    post,
    to_target,
    transaction,
)
from tests.app_service.posting.model import assert_sound


async def test_a_reversal_moves_the_money_back_once(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    paid = transaction(1, 2, 50)
    back = to_target(Kind.REVERSAL, paid)
    assert await post(ledger_pool, paid, back) == ["posted", "posted"]
    assert (await balance(ledger_pool, 1), await balance(ledger_pool, 2)) == (0, 0)
    assert await post(ledger_pool, back) == ["replayed"]
    assert await post(ledger_pool, to_target(Kind.REVERSAL, paid)) == ["already_reversed"]
    await assert_sound(ledger_pool)


async def test_a_reversal_needs_the_money_to_be_there(ledger_pool: Pool) -> None:
    """And as a refusal it stays one: another reversal has another id."""
    await open_accounts(ledger_pool, 1, 2, 3)
    paid = transaction(1, 2, 50)
    back = to_target(Kind.REVERSAL, paid)
    assert await post(ledger_pool, paid, transaction(2, 3, 20), back) == [
        "posted", "posted", "insufficient_funds",
    ]  # fmt: skip
    assert await post(ledger_pool, transaction(1, 2, 20)) == ["posted"]
    assert await post(ledger_pool, back) == ["insufficient_funds"]
    assert await post(ledger_pool, to_target(Kind.REVERSAL, paid)) == ["posted"]


async def test_only_what_has_moved_money_is_reversed(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    paid, held, refused = transaction(1, 2, 50), hold(30), transaction(2, 3, 999)
    capture = to_target(Kind.CAPTURE, held, 20)
    back = to_target(Kind.REVERSAL, capture)
    await post(ledger_pool, paid, held, refused, capture)
    assert await post(ledger_pool, back) == ["posted"]
    assert await post(
        ledger_pool,
        to_target(Kind.REVERSAL, held),
        to_target(Kind.REVERSAL, refused),
        to_target(Kind.REVERSAL, back),
        to_target(Kind.REVERSAL, transaction()),
    ) == ["not_reversible"] * 3 + ["transaction_not_found"]
    assert await balance(ledger_pool, 2) == 50


async def test_a_chain_posts_whole(ledger_pool: Pool) -> None:
    """A payment with its fee, through an account that is empty before and after."""
    await open_accounts(ledger_pool, 1, 2, 3)
    legs = chain(transaction(1, 2, 50), transaction(2, 3, 48), transaction(2, 1, 2))
    assert (
        await post(ledger_pool, transaction(1, 3, 1), *legs, transaction(3, 1, 1)) == ["posted"] * 5
    )
    assert await post(ledger_pool, *legs) == ["replayed"] * 3
    assert await balance(ledger_pool, 2) == 0
    await assert_sound(ledger_pool)


async def test_a_chain_with_a_refusal_posts_nothing_and_stays_refused(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    legs = chain(transaction(1, 2, 50), transaction(3, 2, 48), transaction(2, 1, 2))
    expected = ["linked_refused", "insufficient_funds", "linked_refused"]
    assert await post(ledger_pool, *legs, transaction(2, 3, 1)) == [*expected, "insufficient_funds"]
    assert await balance(ledger_pool, 2) == 0
    assert await post(ledger_pool, transaction(1, 3, 100)) == ["posted"]
    assert await post(ledger_pool, *legs) == expected
    await assert_sound(ledger_pool)


async def test_a_transaction_of_a_chain_is_not_posted_outside_of_it(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    first, second, third = legs = chain(*(transaction(1, 2, n) for n in (1, 2, 3)))
    assert await post(ledger_pool, *legs) == ["posted"] * 3
    assert await post(ledger_pool, replace(first, linked=False), second, third) == [
        "conflict", "conflict", "conflict",
    ]  # fmt: skip
    longer = chain(*legs, transaction(1, 2, 4))
    assert await post(ledger_pool, *longer) == ["conflict"] * 4
    assert await balance(ledger_pool, 2) == 6


async def test_a_chain_without_end_or_with_a_repetition_is_invalid(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    first, second = (replace(transaction(1, 2, n), linked=True) for n in (1, 2))
    assert await post(ledger_pool, first, second) == ["invalid", "invalid"]
    assert await post(ledger_pool, first, replace(first, linked=False)) == ["invalid", "invalid"]
    held = hold()
    itself = chain(transaction(1, 2, 50), held, to_target(Kind.CAPTURE, held))
    assert await post(ledger_pool, *itself) == ["invalid"] * 3
    assert await balance(ledger_pool, 2) == 0
    assert await ledger_pool.fetchval("SELECT count(*) FROM ledger.transactions") == 0
