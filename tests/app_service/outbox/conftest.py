"""A relay on real PostgreSQL, and its queue below a real boto3 client."""

from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import pytest_asyncio

from app_service.database.database import Database, Pool
from app_service.outbox import relay as relay_module
from app_service.outbox.audit_queue import AuditQueue
from app_service.outbox.relay import OutboxRelay
from tests.app_service.build import open_accounts
from tests.app_service.fake_aws import QUEUE_URL, FakeQueue
from tests.patience import PATIENCE_SECONDS

# the amount of a transaction whose batch the queue refuses


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest_asyncio.fixture
async def pool(ledger_pool: Pool) -> AsyncIterator[Pool]:
    await open_accounts(ledger_pool, 1, 2)
    yield ledger_pool


@pytest.fixture
def make_relay(
    pool: Pool, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., OutboxRelay]]:
    """Its relays have time for a call of the database, also on a loaded machine."""
    monkeypatch.setattr(relay_module, "DATABASE_SECONDS", PATIENCE_SECONDS)
    with ThreadPoolExecutor(4) as executor:
        audit_queue = AuditQueue(sqs=queue.client, url=QUEUE_URL, executor=executor)

        def make(*, poll_seconds: float = 3600, linger_seconds: float = 0) -> OutboxRelay:
            return OutboxRelay(
                database=Database(pool),
                queue=audit_queue,
                poll_seconds=poll_seconds,
                linger_seconds=linger_seconds,
            )

        yield make


@pytest.fixture
def relay(make_relay: Callable[..., OutboxRelay]) -> OutboxRelay:
    return make_relay()
