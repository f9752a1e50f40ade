"""B2, B4: the registry in a real table: who holds a lock, and who may record the result."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier

import pytest

from branch_hub.functions.shared.records import EnvironmentRecord, Purpose, State
from branch_hub.functions.shared.registry import Registry
from branch_hub.moments import as_text
from tests.account import Account

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=14)
ONE, OTHER = "arn:execution:one", "arn:execution:other"
S = "feature-a-0a1b2c"


@pytest.fixture
def table(account: Account) -> str:
    return account.create_table()


@pytest.fixture
def registry(account: Account, table: str) -> Registry:
    return Registry(table=account.table(table))


def lock(registry: Registry, holder: str, purpose: Purpose = Purpose.CREATE) -> bool:
    return registry.lock(S, purpose=purpose, holder=holder, branch="feature/a", now=NOW)


def push(registry: Registry, *, expires_at: datetime | None = LATER) -> bool:
    return registry.extend(S, branch="feature/a", commit="c0ffee", now=NOW, expires_at=expires_at)


def known(registry: Registry) -> EnvironmentRecord:
    record = registry.get(S)
    assert record is not None
    return record


def at_once(calls: list[Callable[[], bool]]) -> list[bool]:
    barrier = Barrier(len(calls))

    def call(one: Callable[[], bool]) -> bool:
        barrier.wait()
        return one()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def test_b4_of_concurrent_calls_one_gets_the_lock(registry: Registry) -> None:
    holders = [f"arn:execution:{number}" for number in range(16)]

    got = at_once([partial(lock, registry, holder) for holder in holders])

    assert got.count(True) == 1
    held = known(registry).lock
    assert held is not None
    assert held.holder == holders[got.index(True)]


def test_s8_the_holder_keeps_its_lock_when_it_asks_again(registry: Registry) -> None:
    assert lock(registry, ONE)
    assert lock(registry, ONE)
    assert not lock(registry, OTHER)


def test_s8_a_lock_has_a_purpose(registry: Registry) -> None:
    lock(registry, ONE, Purpose.DESTROY)

    record = known(registry)
    assert record.state is State.DESTROYING
    assert record.lock is not None
    assert (record.lock.purpose, record.lock.taken_at) == (Purpose.DESTROY, NOW)
    assert record.branch == "feature/a"


def test_s8_only_the_holder_records_the_result(registry: Registry) -> None:
    lock(registry, ONE)

    assert not registry.release(S, holder=OTHER, state=State.LIVE)
    assert known(registry).state is State.CREATING
    assert registry.release(S, holder=ONE, state=State.FAILED, cause="x" * 2000)
    record = known(registry)
    assert (record.state, record.lock, len(record.cause or "")) == (State.FAILED, None, 1000)
    assert not registry.release(S, holder=ONE, state=State.LIVE)


def test_s8_a_new_try_starts_without_the_old_cause(registry: Registry) -> None:
    lock(registry, ONE)
    registry.release(S, holder=ONE, state=State.FAILED, cause="red")

    lock(registry, OTHER)

    assert known(registry).cause is None


def test_b2_a_push_extends_the_expiry_and_removes_the_warning(registry: Registry) -> None:
    assert push(registry, expires_at=NOW + timedelta(hours=3))
    soon = NOW + timedelta(hours=3)
    assert registry.may_warn(S, branch="feature/a", now=NOW, expires_at=soon)

    assert push(registry)

    record = known(registry)
    assert (record.state, record.expires_at, record.warned_at) == (State.LIVE, LATER, None)


def test_b2_a_push_during_creation_only_extends_the_expiry(registry: Registry) -> None:
    lock(registry, ONE)

    assert push(registry)

    record = known(registry)
    assert (record.state, record.expires_at) == (State.CREATING, LATER)
    assert record.lock is not None


def test_s8_a_push_during_a_deletion_is_not_recorded(registry: Registry) -> None:
    lock(registry, ONE, Purpose.DESTROY)

    assert not push(registry)
    assert known(registry).state is State.DESTROYING


def test_b2_an_environment_that_never_expires_has_no_expiry_date(registry: Registry) -> None:
    push(registry)
    assert registry.extend(S, branch="feature/a", commit=None, now=NOW, expires_at=None)

    assert known(registry).expires_at is None


def test_b2_an_expiry_that_a_push_has_moved_is_not_acted_on(registry: Registry) -> None:
    def claim() -> bool:
        return registry.lock(
            S,
            purpose=Purpose.DESTROY,
            holder=ONE,
            branch="feature/a",
            now=NOW,
            only_if_expired=True,
        )

    push(registry)
    assert not claim()
    push(registry, expires_at=NOW)
    assert claim()
    assert known(registry).branch == "feature/a"


def test_b2_an_expired_environment_is_recorded_until_a_push(
    registry: Registry, account: Account, table: str
) -> None:
    push(registry)
    lock(registry, ONE, Purpose.DESTROY)

    assert not registry.mark_expired(S, holder=OTHER, now=NOW)
    assert registry.mark_expired(S, holder=ONE, now=NOW)

    record = known(registry)
    assert (record.state, record.lock, record.expires_at) == (State.EXPIRED, None, None)
    item = raw(account, table)
    assert item["forget_after_epoch_seconds"]["N"] == str(
        int((NOW + timedelta(days=30)).timestamp())
    )
    push(registry)
    assert "forget_after_epoch_seconds" not in raw(account, table)
    lock(registry, ONE, Purpose.DESTROY)
    registry.mark_expired(S, holder=ONE, now=NOW)
    lock(registry, ONE)
    assert "forget_after_epoch_seconds" not in raw(account, table)


def test_s8_only_the_holder_removes_a_record(registry: Registry) -> None:
    lock(registry, ONE, Purpose.DESTROY)

    assert not registry.remove(S, holder=OTHER)
    assert registry.get(S) is not None
    assert registry.remove(S, holder=ONE)
    assert registry.get(S) is None
    assert not registry.remove(S, holder=ONE)


@pytest.mark.parametrize("state", [None, State.LIVE])
def test_b4_the_record_of_one_branch_is_not_changed_for_another(
    registry: Registry, state: State | None
) -> None:
    """Two branches may share a suffix; the registry's own conditions tell them apart."""
    lock(registry, ONE)
    if state is not None:
        registry.release(S, holder=ONE, state=state)
    before = known(registry)

    for other in ("feature/b", None):
        for purpose in (Purpose.CREATE, Purpose.DESTROY):
            assert not registry.lock(S, purpose=purpose, holder=ONE, branch=other, now=NOW)
    assert not registry.extend(S, branch="feature/b", commit=None, now=NOW, expires_at=LATER)
    assert not registry.may_warn(S, branch="feature/b", now=NOW, expires_at=LATER)

    assert known(registry) == before


def test_b2_one_of_concurrent_calls_warns_and_again_a_day_later(registry: Registry) -> None:
    push(registry)

    def warn(now: datetime) -> bool:
        return registry.may_warn(S, branch="feature/a", now=now, expires_at=LATER)

    assert at_once([lambda: warn(NOW)] * 8).count(True) == 1
    assert not warn(NOW + timedelta(hours=23))
    assert warn(NOW + timedelta(days=1))


def test_b2_a_warning_creates_a_missing_record(registry: Registry) -> None:
    assert registry.may_warn(S, branch="feature/a", now=NOW, expires_at=LATER)

    record = known(registry)
    assert (record.state, record.branch, record.expires_at) == (State.LIVE, "feature/a", LATER)
    assert record.warned_at == NOW


def test_b2_every_page_of_records_is_read(registry: Registry, account: Account, table: str) -> None:
    """More than the megabyte that one page of a scan holds; what is no record is left out."""
    dynamodb = account.client("dynamodb")
    for number in range(20):
        dynamodb.put_item(
            TableName=table,
            Item={
                "suffix": {"S": f"b{number:02}-000000"},
                "state": {"S": "live"},
                "created_at": {"S": as_text(NOW)},
                "padding": {"S": "x" * 100_000},
            },
        )
    dynamodb.put_item(TableName=table, Item={"suffix": {"S": "delivery#1"}, "sent": {"BOOL": True}})

    assert len({record.suffix for record in registry.all()}) == 20


def raw(account: Account, table: str) -> dict[str, dict[str, str]]:
    item = account.client("dynamodb").get_item(TableName=table, Key={"suffix": {"S": S}})
    found: dict[str, dict[str, str]] = item["Item"]
    return found
