"""Who may debit an account, who did, and when."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from app_service.database.database import Pool
from app_service.ledger.actor import Actor, Path, Role
from app_service.ledger.domain import NewAccount
from app_service.ledger.kinds import Kind
from app_service.posting import accounts
from tests.app_service.build import balance, hold, open_accounts, post, to_target, transaction
from tests.patience import PATIENCE_SECONDS

SHOP = Actor(client_id="shop", user_id="ada", path=Path.API, role=Role.POSTER)
OTHER = Actor(client_id="other", user_id="eve", path=Path.API, role=Role.POSTER)
QUEUE = Actor(
    client_id="transaction-queue", user_id="AROA7:me", path=Path.QUEUE, role=Role.OPERATOR
)


async def accounts_of_two_clients(pool: Pool) -> None:
    """1 and 3 are the bank's, 2 is the shop's."""
    await open_accounts(pool, 1, 3)
    async with pool.acquire() as connection:
        await accounts.open_account(connection, NewAccount(account_id=2, currency="USD"), SHOP)
    assert await post(pool, transaction(1, 2, 100)) == ["posted"]


async def test_only_its_owner_or_an_operator_debits_an_account(ledger_pool: Pool) -> None:
    await accounts_of_two_clients(ledger_pool)
    for own in (transaction(2, 3, 10), hold(10)):
        assert await post(ledger_pool, own, actor=OTHER) == ["forbidden"]
        assert await post(ledger_pool, own, actor=SHOP) == ["posted"], "a right is no result"
    assert await post(ledger_pool, transaction(3, 2, 5), actor=SHOP) == ["forbidden"]
    assert await post(ledger_pool, transaction(3, 2, 5), actor=QUEUE) == ["posted"]
    assert await balance(ledger_pool, 2) == 95


async def test_a_reversal_capture_or_void_needs_the_right_to_what_it_debits(
    ledger_pool: Pool,
) -> None:
    await accounts_of_two_clients(ledger_pool)
    paid, held = transaction(2, 3, 10), hold(10)
    await post(ledger_pool, paid, held, actor=SHOP)
    for kind in (Kind.CAPTURE, Kind.VOID):
        assert await post(ledger_pool, to_target(kind, held), actor=OTHER) == ["forbidden"]
    back = to_target(Kind.REVERSAL, paid)
    assert await post(ledger_pool, back, actor=SHOP) == ["forbidden"], "it debits the bank"
    assert await post(ledger_pool, back) == ["posted"]
    assert await post(ledger_pool, to_target(Kind.VOID, held), actor=SHOP) == ["posted"]


async def test_accounts_from_before_owners_are_debited_by_operators_only(ledger_pool: Pool) -> None:
    await ledger_pool.execute(
        "INSERT INTO ledger.accounts (account_id, currency, may_go_negative)"
        " VALUES (1, 'USD', true)"
    )
    await open_accounts(ledger_pool, 2)
    assert await post(ledger_pool, transaction(1, 2, 1), actor=SHOP) == ["forbidden"]
    nobody = replace(SHOP, client_id=None)  # type: ignore[arg-type]
    assert await post(ledger_pool, transaction(1, 2, 1), actor=nobody) == ["forbidden"]
    assert await post(ledger_pool, transaction(1, 2, 1)) == ["posted"]


async def test_the_owner_of_an_account_never_changes(ledger_pool: Pool) -> None:
    await accounts_of_two_clients(ledger_pool)
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="append-only"):
        await ledger_pool.execute("UPDATE ledger.accounts SET owner = 'other'")


async def test_who_asked_is_recorded_also_for_a_refusal(ledger_pool: Pool) -> None:
    await accounts_of_two_clients(ledger_pool)
    asked = {SHOP: transaction(2, 3, 10), QUEUE: transaction(3, 2, 999)}
    for actor, one in asked.items():
        await post(ledger_pool, one, actor=actor)
    for actor, one in asked.items():
        row = await ledger_pool.fetchrow(
            "SELECT client_id, user_id, path FROM ledger.transactions WHERE transaction_id = $1",
            one.transaction_id,
        )
        assert row is not None
        assert tuple(row) == (actor.client_id, actor.user_id, actor.path)


async def test_time_never_goes_back_within_an_account(ledger_pool: Pool) -> None:
    """Not even when another host with a clock that is behind became the writer."""
    await open_accounts(ledger_pool, 1, 2, 3)
    await ledger_pool.execute(
        "UPDATE ledger.accounts SET last_posted_at = now() + interval '1 hour' WHERE account_id = 2"
    )
    await post(ledger_pool, transaction(1, 2, 100))
    await post(ledger_pool, transaction(1, 3, 1))
    await post(ledger_pool, hold(1))
    assert (
        await ledger_pool.fetchval(
            "SELECT count(*) FROM ledger.transactions"
            " WHERE posted_at > now() + interval '50 minutes'"
        )
        == 3
    ), "account 1 took part in the first, account 2 in the first and the last"
    rows = await ledger_pool.fetch(
        "SELECT posted_at FROM ledger.entries JOIN ledger.transactions USING (transaction_id)"
        " WHERE account_id = 1 ORDER BY account_version"
    )
    times = [row["posted_at"] for row in rows]
    assert times == sorted(times)


async def test_time_is_taken_after_the_locks(ledger_pool: Pool) -> None:
    """A call that waited for an account is later than what it waited for."""
    await open_accounts(ledger_pool, 1, 2)
    async with ledger_pool.acquire() as holder, holder.transaction():
        await holder.execute("SELECT FROM ledger.accounts WHERE account_id = 1 FOR UPDATE")
        waiting = asyncio.create_task(post(ledger_pool, transaction(1, 2, 1)))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await ledger_pool.fetchval(  # noqa: ASYNC110 - the database has no event
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            ):
                await asyncio.sleep(0.01)
        locked_until = await holder.fetchval("SELECT clock_timestamp()")
    assert await waiting == ["posted"]
    assert await ledger_pool.fetchval("SELECT posted_at FROM ledger.transactions") >= locked_until
