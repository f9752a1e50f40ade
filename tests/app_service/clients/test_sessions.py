"""Sessions in DynamoDB and in the cache, also while DynamoDB does not answer."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app_service.clients import recent_reads
from app_service.clients import sessions as sessions_module
from app_service.clients.credentials import FIRST_CREDENTIAL_ID, Client
from app_service.clients.failure_limit import unknown_tokens
from app_service.clients.recent_reads import CACHED_SECONDS, FRESH_SECONDS
from app_service.clients.session_table import Session, SessionsUnavailable, SessionTable
from app_service.clients.sessions import Sessions, hash_of
from app_service.ledger.actor import Role
from tests.app_service.fake_aws import TABLE, FakeSessionsTable
from tests.patience import PATIENCE_SECONDS

TTL = 3600
HERE = "203.0.113.1"
SHOP = Client(client_id="shop", credential_id="c-1", role=Role.POSTER)
BANK = Client(client_id="bank", credential_id="c-2", role=Role.POSTER)


class Clock:
    def __init__(self) -> None:
        self.time = 1_800_000_000.5

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table() -> FakeSessionsTable:
    return FakeSessionsTable()


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


@pytest.fixture
def sessions(table: FakeSessionsTable, clock: Clock, executor: ThreadPoolExecutor) -> Sessions:
    return _task(table, clock, executor)


@pytest.fixture
def other_task(table: FakeSessionsTable, clock: Clock, executor: ThreadPoolExecutor) -> Sessions:
    """Another task with the same table and its own cache."""
    return _task(table, clock, executor)


def _task(
    table: FakeSessionsTable, clock: Clock, executor: ThreadPoolExecutor, table_name: str = TABLE
) -> Sessions:
    store = SessionTable(dynamodb=table.client, table_name=table_name, executor=executor)
    return Sessions(table=store, unknown=unknown_tokens(now=clock), ttl_seconds=TTL, now=clock)


async def opened(sessions: Sessions, user_id: str = "ada") -> tuple[str, Session]:
    return await sessions.open(user_id=user_id, client=SHOP)


async def test_s33_the_table_holds_the_hash_and_never_the_token(
    sessions: Sessions, table: FakeSessionsTable
) -> None:
    """S33: a reader of the table cannot use its sessions."""
    token, session = await opened(sessions)
    assert table.items == {
        hash_of(token): {
            "token_hash": {"S": hash_of(token)},
            "user_id": {"S": "ada"},
            "client_id": {"S": "shop"},
            "credential_id": {"S": "c-1"},
            "role": {"S": "poster"},
            "created_at": {"N": "1800000000"},
            "expires_at": {"N": "1800003600"},
        }
    }
    assert token not in repr(table.items)
    assert session.expires_at == 1_800_003_600


async def test_tokens_are_long_and_differ(sessions: Sessions) -> None:
    tokens = {(await opened(sessions))[0] for _ in range(5)}
    assert len(tokens) == 5
    assert {len(token) for token in tokens} == {43}  # 256 bits


async def test_a_session_is_found_by_another_task_at_once(
    sessions: Sessions, other_task: Sessions, table: FakeSessionsTable
) -> None:
    token, session = await opened(sessions)
    assert await other_task.find(token, address=HERE) == session
    assert table.consistent_reads == [True]


async def test_a_fresh_session_is_not_read_again(
    sessions: Sessions, other_task: Sessions, table: FakeSessionsTable, clock: Clock
) -> None:
    token, _ = await opened(sessions)
    await other_task.find(token, address=HERE)
    clock.time += FRESH_SECONDS - 0.1
    assert await other_task.find(token, address=HERE)
    assert table.asked == ["PutItem", "GetItem"]
    clock.time += 0.2
    assert await other_task.find(token, address=HERE)
    assert table.asked == ["PutItem", "GetItem", "GetItem"]


async def test_s33_an_expired_session_is_none_though_the_item_is_still_there(
    sessions: Sessions, other_task: Sessions, clock: Clock
) -> None:
    """S33: DynamoDB deletes late, so the service checks expiry, in the cache, too."""
    token, _ = await opened(sessions)
    clock.time += TTL - 1
    assert await sessions.find(token, address=HERE)
    clock.time += 1
    assert await sessions.find(token, address=HERE) is None
    assert await other_task.find(token, address=HERE) is None


async def test_a_malformed_token_is_not_looked_up(
    sessions: Sessions, table: FakeSessionsTable
) -> None:
    for token in ("", "x", "a" * 42, "a" * 44, "a" * 42 + "!", "\u00e9" * 43):
        assert await sessions.find(token, address=HERE) is None
    assert table.asked == []
    assert await sessions.find("a" * 43, address=HERE) is None
    assert table.asked == ["GetItem"]


async def test_a_closed_session_is_refused_here_at_once_and_soon_everywhere(
    sessions: Sessions, other_task: Sessions, clock: Clock
) -> None:
    token, session = await opened(sessions)
    await other_task.find(token, address=HERE)
    await sessions.close(session)
    assert await sessions.find(token, address=HERE) is None
    clock.time += FRESH_SECONDS
    assert await other_task.find(token, address=HERE) is None


async def test_a_session_that_is_not_cached_can_be_closed(
    sessions: Sessions, other_task: Sessions
) -> None:
    token, session = await opened(sessions)
    await other_task.close(session)
    assert await other_task.find(token, address=HERE) is None


async def test_s33_a_cached_session_is_accepted_for_a_while_without_the_table(
    sessions: Sessions, table: FakeSessionsTable, clock: Clock
) -> None:
    """A short outage of DynamoDB does not stop active sessions."""
    token, session = await opened(sessions)
    table.offline = True
    clock.time += FRESH_SECONDS
    assert await sessions.find(token, address=HERE) == session
    clock.time += CACHED_SECONDS
    with pytest.raises(SessionsUnavailable):
        await sessions.find(token, address=HERE)


async def test_an_unavailable_table_is_called_less_often(
    sessions: Sessions, table: FakeSessionsTable, clock: Clock
) -> None:
    token, _ = await opened(sessions)
    table.offline = True
    clock.time += FRESH_SECONDS
    await sessions.find(token, address=HERE)
    table.offline = False
    await sessions.find(token, address=HERE)
    assert table.asked == ["PutItem"]
    clock.time += FRESH_SECONDS
    await sessions.find(token, address=HERE)
    assert table.asked == ["PutItem", "GetItem"]


async def test_without_the_table_an_unknown_session_is_not_a_401(
    sessions: Sessions, other_task: Sessions, table: FakeSessionsTable
) -> None:
    token, _ = await opened(sessions)
    table.offline = True
    with pytest.raises(SessionsUnavailable):
        await other_task.find(token, address=HERE)
    with pytest.raises(SessionsUnavailable):
        await opened(other_task)


async def test_a_slow_table_delays_a_cached_session_only_briefly(
    sessions: Sessions,
    table: FakeSessionsTable,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recent_reads, "CHECK_TIMEOUT_SECONDS", 0.01)
    token, session = await opened(sessions)
    clock.time += FRESH_SECONDS
    answers = threading.Event()
    table.before_answer = lambda: answers.wait(PATIENCE_SECONDS)
    assert await sessions.find(token, address=HERE) == session
    del table.items[session.token_hash]
    answers.set()
    await asyncio.wait(
        sessions._recent._reads.values()
    )  # the check continues, and its result counts
    assert await sessions.find(token, address=HERE) is None


async def test_many_requests_of_one_session_read_it_once(
    sessions: Sessions, other_task: Sessions, table: FakeSessionsTable
) -> None:
    token, session = await opened(sessions)
    found = await asyncio.gather(*(other_task.find(token, address=HERE) for _ in range(50)))
    assert found == [session] * 50
    assert table.asked == ["PutItem", "GetItem"]


async def test_a_cancelled_request_does_not_cancel_the_check_of_others(
    sessions: Sessions, other_task: Sessions
) -> None:
    token, session = await opened(sessions)
    goes, stays = (asyncio.create_task(other_task.find(token, address=HERE)) for _ in range(2))
    await asyncio.sleep(0)
    goes.cancel()
    assert await stays == session


async def test_a_cancelled_check_is_removed(sessions: Sessions) -> None:
    asking = asyncio.create_task(sessions.find("a" * 43, address=HERE))
    await asyncio.sleep(0)
    for check in sessions._recent._reads.values():
        check.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert sessions._recent._reads == {}


async def test_the_cache_is_limited_and_drops_the_oldest(
    sessions: Sessions, table: FakeSessionsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_reads, "CACHED_MAX", 2)
    tokens = [(await opened(sessions))[0] for _ in range(3)]
    table.offline = True
    for token in tokens[1:]:
        assert await sessions.find(token, address=HERE)
    with pytest.raises(SessionsUnavailable):
        await sessions.find(tokens[0], address=HERE)


async def test_a_user_has_live_sessions_newest_first(sessions: Sessions, clock: Clock) -> None:
    for _ in range(3):
        await opened(sessions)
        clock.time += TTL / 2
    await opened(sessions, user_id="bob")
    assert [s.created_at for s in await sessions.of_user("ada", client_id="shop")] == [
        1_800_003_600
    ]
    clock.time -= TTL / 2
    assert [s.created_at for s in await sessions.of_user("ada", client_id="shop")] == [
        1_800_003_600,
        1_800_001_800,
    ]


async def test_many_sessions_of_another_client_hide_none(
    sessions: Sessions, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clients may have a user of one name, and DynamoDB's limit counts before its filter."""
    monkeypatch.setattr(sessions_module, "LISTED_MAX", 2)
    for _ in range(3):
        await opened(sessions)
    for _ in range(4):
        clock.time += 1
        await sessions.open(user_id="ada", client=BANK)
    assert len(await sessions.of_user("ada", client_id="shop")) == 2
    assert len(await sessions.of_user("ada", client_id="bank")) == 2


async def test_a_list_reads_a_bounded_number_of_items(
    sessions: Sessions, clock: Clock, table: FakeSessionsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_module, "LISTED_MAX", 1)
    await opened(sessions)
    for _ in range(20):
        clock.time += 1
        await sessions.open(user_id="ada", client=BANK)
    table.asked.clear()
    await sessions.of_user("ada", client_id="shop")
    assert table.asked == ["Query"] * 5


async def test_an_item_of_the_version_before_is_of_the_first_client(
    sessions: Sessions, other_task: Sessions, table: FakeSessionsTable
) -> None:
    """During a rolling deployment tasks of both versions share the table."""
    token, session = await opened(sessions)
    for new in ("role", "credential_id"):
        del table.items[session.token_hash][new]
    found = await other_task.find(token, address=HERE)
    assert found is not None
    assert (found.role, found.credential_id) == (Role.OPERATOR, FIRST_CREDENTIAL_ID)


async def test_the_probe_fails_if_the_table_does_not_answer(
    sessions: Sessions, table: FakeSessionsTable, clock: Clock, executor: ThreadPoolExecutor
) -> None:
    await sessions.probe()
    with pytest.raises(SessionsUnavailable):
        await _task(table, clock, executor, "another").probe()


async def test_failures_are_logged_by_their_code_alone(
    table: FakeSessionsTable,
    clock: Clock,
    executor: ThreadPoolExecutor,
    sessions: Sessions,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(SessionsUnavailable):
        await opened(_task(table, clock, executor, "another"))
    table.offline = True
    with pytest.raises(SessionsUnavailable):
        await opened(sessions)
    reasons = [getattr(record, "reason", None) for record in caplog.records]
    assert reasons == ["ResourceNotFoundException", "EndpointConnectionError"]
