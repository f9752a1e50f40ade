"""A filled ledger is what the posting function would have left; what is not so is noticed."""

import datetime as dt
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from bench.growth import filling
from bench.growth.identifiers import Ids
from bench.growth.ledgers import Connection, RunningLedger
from tests.own_postgres import own_postgres

ACCOUNTS = 20


@pytest.fixture(scope="module")
def server() -> Iterator[RunningLedger]:
    with own_postgres() as postgres:
        yield RunningLedger(server=postgres)


@pytest_asyncio.fixture
async def filled(server: RunningLedger) -> AsyncIterator[Connection]:
    """A ledger of 1,000 transfers; its triggers do not protect it."""
    await server.create("damaged", accounts=ACCOUNTS)
    async with server.connection("damaged") as connection:
        started = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
        await filling.write(connection, Ids.V7, started, first=0, count=1000, accounts=ACCOUNTS)
        await connection.execute("SET session_replication_role = replica")
        yield connection
    async with server.connection("postgres") as connection:
        await connection.execute("DROP DATABASE damaged WITH (FORCE)")


@pytest.mark.parametrize("ids", Ids)
async def test_b6_a_filled_ledger_has_the_rows_that_the_posting_function_writes(
    server: RunningLedger, ids: Ids
) -> None:
    assert await filling.differences(server, ids) == ""


@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        ("'bench', 'bench', 'api'", "'bench', 'bench', 'queue'"),
        ("ORDER BY s.call, s.transaction_id", "ORDER BY s.place"),
        ("ORDER BY place, side", "ORDER BY side, place"),
        ("(n / p_call) * p_call", "n"),
        ("last_posted_at = g.last_posted_at", "last_posted_at = NULL"),
    ],
)
async def test_b6_a_fill_that_writes_other_rows_is_noticed(
    server: RunningLedger, monkeypatch: pytest.MonkeyPatch, sql: str, broken: str
) -> None:
    assert sql in filling._FILLING
    monkeypatch.setattr(filling, "_FILLING", filling._FILLING.replace(sql, broken))
    assert await filling.differences(server, Ids.V7) != ""


@pytest.mark.parametrize("parts", [1, 4])
async def test_b6_a_fill_in_parts_continues_balances_and_versions(
    filled: Connection, parts: int
) -> None:
    started = dt.datetime.now(dt.UTC)
    for part in range(parts):
        first = 1000 + 100 * part
        await filling.write(filled, Ids.V7, started, first=first, count=100, accounts=ACCOUNTS)
    assert await filling.problems(filled) == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE ledger.accounts SET balance_minor = balance_minor + 1 WHERE account_id = 1",
        "UPDATE ledger.accounts SET version = version + 1 WHERE account_id = 2",
        "DELETE FROM ledger.transactions WHERE debit_account = 2",
        "DELETE FROM ledger.entries WHERE account_id = 2 AND account_version = 3",
        "UPDATE ledger.entries SET balance_after_minor = 0"
        " WHERE account_id = 1 AND account_version = 3",
        "UPDATE ledger.transactions SET debit_version = debit_version + 1 WHERE debit_account = 1",
    ],
)
async def test_b6_a_ledger_that_does_not_add_up_is_noticed(filled: Connection, damage: str) -> None:
    assert await filling.problems(filled) == []
    await filled.execute(damage)
    assert await filling.problems(filled) != []
