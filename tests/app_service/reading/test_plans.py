"""Each read is answered from indexes and reads about a page, however large the ledger is.

With LEDGER_ROWS=1000000 the same holds for a million transactions (a minute).
"""

import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from app_service.database.database import Connection
from app_service.ledger.domain import Account
from app_service.posting import accounts
from app_service.reading import account_history, account_transactions, transaction_reads
from app_service.reading.transaction_filter import Filter, ListedState
from local_cloud.postgres import PostgresServer
from tests.app_service.conftest import LedgerDatabase, _copy
from tests.app_service.reading.explained import Explained

ROWS = int(os.environ.get("LEDGER_ROWS", "30000"))
PAGE = 20
# Of a listed transaction: its index, itself, its hold, its reversal. A table has hundreds.
BLOCKS_OF_A_ROW = 16
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = BEGINNING + timedelta(seconds=ROWS // 2)
LATER = MIDDLE + timedelta(seconds=PAGE)


@pytest_asyncio.fixture(scope="module")
async def large_ledger(
    postgres_server: PostgresServer, ledger_template: str
) -> AsyncIterator[LedgerDatabase]:
    async with _copy(postgres_server, ledger_template) as database:
        connection = await asyncpg.connect(database.dsn)
        sql = Path(__file__).with_name("many_rows.sql").read_text()
        await connection.execute(sql.replace(":rows", str(ROWS)))
        await connection.close()
        yield database


@pytest_asyncio.fixture
async def explained(large_ledger: LedgerDatabase) -> AsyncIterator[Explained]:
    connection: Any = await asyncpg.connect(large_ledger.dsn)
    yield Explained(connection)
    await connection.close()


async def _account(connection: Connection) -> Account:
    return await accounts.account(connection, 1)


def _of_account(
    state: ListedState, until: datetime | None
) -> Callable[[Connection], Awaitable[Any]]:
    async def read(connection: Connection) -> Any:
        account = await _account(connection)
        wanted = Filter(state=state, since=None if until is None else BEGINNING, until=until)
        start = await account_transactions.first_in_account(connection, account, wanted)
        return await account_transactions.transactions_of_account(
            connection, account, wanted, start=start, limit=PAGE
        )

    return read


def _by_reference(limited_to: str | None) -> Callable[[Connection], Awaitable[Any]]:
    async def read(connection: Connection) -> Any:
        wanted = Filter(state=ListedState.POSTED, since=BEGINNING, until=MIDDLE)
        start = transaction_reads.first_in_reference(wanted)
        return await transaction_reads.transactions_by_reference(
            connection, "common", wanted, limited_to=limited_to, start=start, limit=PAGE
        )

    return read


def _by_id(limited_to: str | None) -> Callable[[Connection], Awaitable[Any]]:
    found = UUID(hashlib.md5(b"77", usedforsecurity=False).hexdigest())
    return lambda c: transaction_reads.transaction(c, found, limited_to=limited_to)


async def _entries(connection: Connection) -> Any:
    account = await _account(connection)
    return await account_history.newest_entries(connection, account, before=ROWS // 2, limit=PAGE)


async def _statement(connection: Connection) -> Any:
    account = await _account(connection)
    period = await account_history.period(connection, account, since=MIDDLE, until=LATER)
    return await account_history.entries_of(
        connection, account, first=period.first, last=period.last, limit=PAGE
    )


async def _as_of(connection: Connection) -> Any:
    return await account_history.balance_as_of(connection, await _account(connection), MIDDLE)


def _accounts(owner: str | None) -> Callable[[Connection], Awaitable[Any]]:
    return lambda c: accounts.list_accounts(c, owner=owner, above=ROWS // 20, limit=PAGE)


READS = {
    **{
        f"account, {state}{'' if until is None else ', of a period'}": _of_account(state, until)
        for state in ListedState
        for until in (None, MIDDLE)
    },
    "reference": _by_reference(None),
    "reference, of a client": _by_reference("client-1"),
    "transaction": _by_id(None),
    "transaction, of a client": _by_id("client-1"),
    "entries": _entries,
    "statement": _statement,
    "balance as of a moment": _as_of,
    "accounts": _accounts(None),
    "accounts of a client": _accounts("client-1"),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
async def test_a_read_touches_about_a_page_of_an_index(
    explained: Explained, read: Callable[[Connection], Awaitable[Any]]
) -> None:
    assert await read(explained.connection)
    assert explained.whole_tables() == set()
    # `all` joins three listings; a moment is found by a binary search, in two trees.
    searches = 2 * 8 * ROWS.bit_length()
    assert explained.blocks <= 3 * PAGE * BLOCKS_OF_A_ROW + searches, explained.plans


async def test_a_reference_whose_rows_a_client_may_not_see_is_read_to_a_bound(
    explained: Explained,
) -> None:
    rows, end = await _by_reference("client-9")(explained.connection)
    assert rows == []
    assert end is not None
    assert explained.whole_tables() == set()
    assert explained.blocks <= transaction_reads.SCANNED_MAX * BLOCKS_OF_A_ROW
