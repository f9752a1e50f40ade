"""Accounts are held in currencies of ISO 4217, and the database holds the same list."""

import asyncpg
import pytest

from app_service.database.database import Pool
from app_service.ledger.currencies import EXPONENTS
from app_service.posting import accounts
from tests.app_service.build import open_accounts, post, transaction


def test_the_exponents_are_those_of_iso_4217() -> None:
    known = {"JPY": 0, "USD": 2, "EUR": 2, "KWD": 3, "CLF": 4, "XOF": 0, "XAD": 2}
    assert {code: EXPONENTS.get(code) for code in known} == known


@pytest.mark.parametrize("code", ["XXX", "XTS", "XAU", "XDR", "ZZZ", "HRK"])
def test_codes_without_a_minor_unit_and_withdrawn_codes_are_not_listed(code: str) -> None:
    assert code not in EXPONENTS


async def test_the_database_holds_the_same_list(ledger_pool: Pool) -> None:
    rows = await ledger_pool.fetch("SELECT code, exponent FROM ledger.currencies")
    assert {row["code"]: row["exponent"] for row in rows} == EXPONENTS


async def test_the_table_refuses_an_account_in_another_currency(ledger_pool: Pool) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="currency_listed"):
        await ledger_pool.execute(
            "INSERT INTO ledger.accounts (account_id, currency) VALUES (9, 'ZZZ')"
        )


async def test_accounts_from_before_the_list_are_read_and_keep_their_money(
    ledger_pool: Pool,
) -> None:
    async with ledger_pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "INSERT INTO ledger.accounts (account_id, currency, may_go_negative)"
            " VALUES (1, 'ZZZ', true), (2, 'ZZZ', true)"
        )
    assert await post(ledger_pool, transaction(1, 2, 30, currency="ZZZ")) == ["posted"]
    async with ledger_pool.acquire() as connection:
        found = await accounts.account(connection, 2)
    assert (found.currency, found.currency_exponent, found.balance_minor) == ("ZZZ", None, 30)


async def test_an_account_is_read_with_the_exponent_of_its_currency(ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 7)
    async with ledger_pool.acquire() as connection:
        assert (await accounts.account(connection, 7)).currency_exponent == 2
