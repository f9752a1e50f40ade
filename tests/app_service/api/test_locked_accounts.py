"""Requests that wait for an account, on the reading connections that all requests share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest.mock import patch

import httpx
import pytest
import pytest_asyncio

from app_service.__main__ import READING_CONNECTIONS, probe_database
from app_service.api import deadlines
from app_service.database import database as database_module
from app_service.database.database import Database, Pool, close_pool, open_pool
from app_service.posting import accounts
from app_service.reading import account_history
from tests.app_service.api.http_api import Api, assert_problem, running_api
from tests.app_service.build import open_accounts
from tests.app_service.conftest import LedgerDatabase
from tests.patience import PATIENCE_SECONDS

LOCKED = range(10, 20)
FREE = 2
LONG_SECONDS = 600  # longer than the test: who waits does so until the lock is given back
BEGINNING = "2000-01-01T00:00:00Z"
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest_asyncio.fixture
async def reading(
    ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pool]:
    """As the service has it, but no statement that waits is ended for its time."""
    monkeypatch.setattr(database_module, "COMMAND_TIMEOUT_SECONDS", LONG_SECONDS)
    pool = await open_pool(
        hosts=(ledger_database.host,),
        port=ledger_database.port,
        database=ledger_database.name,
        user=ledger_database.user,
        password=ledger_database.password,
        tls=None,
        size=READING_CONNECTIONS,
    )
    yield pool
    await close_pool(pool)


@pytest_asyncio.fixture
async def api(reading: Pool, ledger_pool: Pool) -> AsyncIterator[Api]:
    await open_accounts(ledger_pool, FREE, *LOCKED)
    async with running_api(reading=reading) as running:
        yield running


@asynccontextmanager
async def locked(pool: Pool, *account_ids: int) -> AsyncIterator[None]:
    async with pool.acquire() as session, session.transaction():
        await session.fetch(
            "SELECT FROM ledger.accounts WHERE account_id = ANY ($1) FOR UPDATE", account_ids
        )
        yield


def freezes(api: Api, account_id: int) -> Any:
    return api.http.post(f"/accounts/{account_id}/freeze")


def closes(api: Api, account_id: int) -> Any:
    return api.http.post(f"/accounts/{account_id}/close")


def asks_for_statement(api: Api, account_id: int) -> Any:
    period = {"from": BEGINNING, "to": BEGINNING}
    return api.http.get(f"/accounts/{account_id}/statement", params=period)


def asks_for_past_balance(api: Api, account_id: int) -> Any:
    return api.http.get(f"/accounts/{account_id}", params={"as_of": BEGINNING})


WAITING_REQUESTS = [freezes, closes, asks_for_statement, asks_for_past_balance]


@pytest.mark.parametrize("request_of", WAITING_REQUESTS)
async def test_reads_and_the_probe_go_on_while_many_requests_wait_for_one_account(
    api: Api, reading: Pool, ledger_pool: Pool, request_of: Callable[[Api, int], Any]
) -> None:
    """And so do requests that lock another account, which is free."""
    with waiting_long():
        async with locked(ledger_pool, LOCKED[0]):
            waiting = started(request_of(api, LOCKED[0]) for _ in range(50))
            await until_one_waits(ledger_pool)
            assert (await api.http.get(f"/accounts/{FREE}")).status_code == 200
            assert (await api.http.get(f"/accounts/{LOCKED[0]}")).status_code == 200
            await probe_database(Database(reading))
            assert (await request_of(api, FREE)).status_code == 200
            assert not any(request.done() for request in waiting)
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}


@pytest.mark.parametrize("request_of", WAITING_REQUESTS)
async def test_reads_and_the_probe_go_on_while_many_accounts_are_waited_for(
    api: Api, reading: Pool, ledger_pool: Pool, request_of: Callable[[Api, int], Any]
) -> None:
    with waiting_long():
        async with locked(ledger_pool, *LOCKED):
            waiting = started(request_of(api, account_id) for account_id in [*LOCKED] * 2)
            await until_one_waits(ledger_pool)
            assert (await api.http.get(f"/accounts/{FREE}")).status_code == 200
            await probe_database(Database(reading))
            assert not any(request.done() for request in waiting)
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}


@pytest.mark.parametrize("request_of", [freezes, closes])
async def test_a_change_of_an_account_that_stays_locked_is_503_and_says_so(
    api: Api, ledger_pool: Pool, request_of: Callable[[Api, int], Any]
) -> None:
    with patch.object(accounts, "LOCK_WAIT_MS", 10):
        async with locked(ledger_pool, LOCKED[0]):
            answer = await request_of(api, LOCKED[0])
            assert_problem(answer, 503, "account_busy")
            assert answer.headers["retry-after"] == "1"
        assert (await api.http.get(f"/accounts/{LOCKED[0]}")).json()["state"] == "open"
        assert (await request_of(api, LOCKED[0])).status_code == 200


@contextmanager
def waiting_long() -> Iterator[None]:
    with (
        patch.object(accounts, "LOCK_WAIT_MS", 1000 * LONG_SECONDS),
        patch.object(account_history, "LOCK_WAIT_MS", 1000 * LONG_SECONDS),
        patch.object(deadlines, "REQUEST_SECONDS", LONG_SECONDS),
    ):
        yield


def started(requests: Iterable[Any]) -> "list[asyncio.Task[httpx.Response]]":
    return [asyncio.create_task(request) for request in requests]


async def until_one_waits(pool: Pool) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await pool.fetchval(_WAITING):  # noqa: ASYNC110 - it is in the database
            await asyncio.sleep(0.005)
