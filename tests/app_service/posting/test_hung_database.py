"""S65: PostgreSQL accepts connections and answers nothing, as on a host that hangs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest
import pytest_asyncio

from app_service.api import deadlines
from app_service.database import database
from app_service.database.database import (
    Database,
    Pool,
    close_pool,
    connect_writer,
    open_pool,
)
from app_service.ledger.domain import DatabaseUnavailable, NewAccount
from app_service.posting import accounts
from app_service.posting.ledger import PostgresLedger
from local_cloud.postgres import PostgresServer
from tests.app_service.api.http_api import assert_problem, running_api
from tests.app_service.build import OPERATOR, document, open_accounts, soon, submitted, transaction
from tests.app_service.conftest import migrate
from tests.own_postgres import own_postgres

SHORT_SECONDS = 1.0
LONG_SECONDS = 60.0  # on a loaded machine the answers take longer than SHORT_SECONDS
UNLIMITED_SECONDS = 10 * LONG_SECONDS  # of a connection or a command without a deadline


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    with own_postgres() as server:
        asyncio.run(migrate(server.dsn))
        yield server


@pytest_asyncio.fixture
async def pool(own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pool]:
    """As the service opens it; the cluster has two names for it. Only a deadline ends a call."""
    monkeypatch.setattr(database, "COMMAND_TIMEOUT_SECONDS", UNLIMITED_SECONDS)
    defaults = connect_writer.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "timeout_seconds", UNLIMITED_SECONDS)
    pool = await open_pool(
        hosts=(own_server.address, own_server.address),
        port=own_server.port,
        database="postgres",
        user=own_server.superuser,
        password=own_server.password,
        tls=None,
        size=5,
    )
    await open_accounts(pool, 1, 2)
    yield pool
    await close_pool(pool)


@pytest.fixture
def ledger(pool: Pool) -> PostgresLedger:
    both = Database(pool)
    return PostgresLedger(
        writing=both,
        reading=both,
        max_in_flight=4,
        on_posted=lambda: None,
        on_answered=lambda _verdicts, _seconds: None,
    )


@contextmanager
def hung(server: PostgresServer) -> Iterator[None]:
    assert server.process is not None
    postmaster = psutil.Process(server.process.pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # such as a worker of autovacuum that has ended
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


async def test_each_request_is_answered_by_its_own_deadline(
    own_server: PostgresServer, ledger: PostgresLedger, pool: Pool
) -> None:
    """Also those that wait for a call, and those that have to connect; nothing is posted twice."""
    before = await pool.fetchval("SELECT balance_minor FROM ledger.accounts WHERE account_id = 2")
    transactions = [transaction(1, 2, 1) for _ in range(8)]
    with hung(own_server):
        async with asyncio.timeout(LONG_SECONDS):
            clock = asyncio.get_running_loop().time
            requests = []
            for new in transactions:
                request = ledger.post(submitted(new), deadline=clock() + SHORT_SECONDS)
                requests.append(asyncio.create_task(request))
                await asyncio.sleep(SHORT_SECONDS / 10)
            answers = await asyncio.gather(*requests, return_exceptions=True)
    assert {type(answer) for answer in answers} == {DatabaseUnavailable}
    verdicts = await ledger.post(submitted(*transactions), deadline=soon())
    assert set(verdicts) <= {"posted", "replayed"}
    after = await pool.fetchval("SELECT balance_minor FROM ledger.accounts WHERE account_id = 2")
    assert after - before == len(transactions)


async def test_what_reads_is_answered_by_its_deadline(
    own_server: PostgresServer, ledger: PostgresLedger, pool: Pool
) -> None:
    """More of them than there are connections."""
    reading = Database(pool)
    with hung(own_server):
        async with asyncio.timeout(LONG_SECONDS):
            deadline = asyncio.get_running_loop().time() + SHORT_SECONDS
            new = NewAccount(account_id=3, currency="USD")
            answers = await asyncio.gather(
                *(
                    reading.run(lambda c: accounts.account(c, 1), deadline=deadline)
                    for _ in range(8)
                ),
                ledger.open_account(new, OPERATOR, deadline=deadline),
                return_exceptions=True,
            )
    assert {type(answer) for answer in answers} == {DatabaseUnavailable}
    found = await reading.run(lambda c: accounts.account(c, 1), deadline=soon())
    assert found.account_id == 1


async def test_a_cancelled_caller_does_not_wait_for_the_server(
    own_server: PostgresServer, pool: Pool
) -> None:
    work = asyncio.create_task(
        Database(pool).run(lambda c: c.execute("SELECT pg_sleep(30)"), deadline=soon())
    )
    while pool.get_size() == pool.get_idle_size():  # noqa: ASYNC110 - until it has a connection
        await asyncio.sleep(0.01)
    with hung(own_server):
        async with asyncio.timeout(LONG_SECONDS):
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
        assert pool.get_size() == pool.get_idle_size()


async def test_over_http_the_answer_is_503_and_says_when_to_repeat(
    own_server: PostgresServer,
    ledger: PostgresLedger,
    pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadlines, "REQUEST_SECONDS", SHORT_SECONDS)
    async with running_api(ledger, reading=pool) as api:
        with hung(own_server):
            async with asyncio.timeout(LONG_SECONDS):
                answers = await asyncio.gather(
                    api.http.post("/transactions", json=document()),
                    api.http.post("/transactions/batch", json={"transactions": [document()]}),
                    api.http.post("/accounts", json={"account_id": 4, "currency": "USD"}),
                    api.http.get("/accounts/1"),
                    api.http.get("/accounts/1/entries"),
                    api.http.get(f"/transactions/{document()['transaction_id']}"),
                )
    for answer in answers:
        assert_problem(answer, 503, "database_unavailable")
        assert answer.headers["retry-after"] == "2"
