"""A verification of a part of the time, in several calls, with few things in memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pg8000.native import Connection

from lambda_src.audit_verifier.coverage import Coverage
from lambda_src.audit_verifier.ledger import Horizon, Ledger
from lambda_src.audit_verifier.report import Window
from lambda_src.audit_verifier.verification import verify
from tests.lambda_src.audit_verifier.world import (
    AT_ONCE,
    FakeArchive,
    World,
    batch_of,
    id_of,
    packed,
    unpacked,
)

FEW = replace(AT_ONCE, transactions=8, batches=2, reads=2)


def now(world: World) -> datetime:
    [[moment]] = world.session.run("SELECT clock_timestamp()")
    return moment.astimezone(UTC)  # type: ignore[no-any-return]


def pause(world: World) -> datetime:
    """A moment between what was before and what comes; ids have milliseconds."""
    world.session.run("SELECT pg_sleep(0.002)")
    moment = now(world)
    world.session.run("SELECT pg_sleep(0.002)")
    return moment


def test_only_the_window_is_compared(world: World) -> None:
    world.delivered([1], [2])
    start = pause(world)
    inside = world.delivered([3], [4])
    end = pause(world)
    later = world.delivered([5])
    for key in list(world.archive.versions_of):
        world.archive.drop(key)
    found = world.found(window=Window(start=start, end=end))
    assert found == {("missing", "batch", batch_of(key)) for key in inside}
    found = world.found(window=Window(start=end))
    assert found == {("missing", "batch", batch_of(key)) for key in later}


def test_a_batch_may_be_sealed_in_another_window_than_its_transactions_were_posted(
    world: World,
) -> None:
    world.delivered([1])
    start = pause(world)
    world.post(2)
    end = pause(world)
    world.delivered([3])
    assert world.found(window=Window(start=start, end=end)) == set()
    assert world.found(window=Window(start=end)) == set()


def test_a_transaction_is_double_in_the_window_of_its_second_batch_too(world: World) -> None:
    world.delivered([1])
    start = pause(world)
    world.session.run(
        "INSERT INTO ledger.outbox_v2 (transaction_ids, bytes_max, created_at)"
        " SELECT ARRAY[transaction_id], 1000, posted_at FROM ledger.transactions"
    )
    world.delivered([2])
    assert world.found(window=Window(start=start)) == {("double", "transaction", id_of(1))}


def test_a_missing_transaction_is_missing_in_its_window_only(world: World) -> None:
    world.delivered([1])
    start = pause(world)
    world.post(2)
    world.as_superuser("DELETE FROM ledger.outbox_v2")
    end = pause(world)
    world.delivered([3])
    assert world.found(window=Window(end=start)) == set()
    assert world.found(window=Window(start=start, end=end)) == {
        ("missing", "transaction", id_of(2))
    }
    assert world.found(window=Window(start=end)) == set()


def test_calls_that_stop_early_find_the_same_together(world: World) -> None:
    keys = world.delivered(*([number] for number in range(1, 12)))
    world.post(12)
    world.as_superuser("DELETE FROM ledger.outbox_v2")
    keys += world.delivered([13, 14], [15])
    world.archive.drop(keys[2])
    world.archive.put("audit/note.txt", b"", {})
    content, metadata = world.archive.drop(keys[5])
    world.archive.put(keys[5], content, metadata)
    world.archive.put(keys[5], content, metadata)
    whole = world.verify()
    assert whole.discrepancy_count == 4

    cursor, calls, found, checked = None, 0, [], [0, 0, 0]
    while cursor is not None or calls == 0:
        calls += 1
        report = verify(
            connection=world.session,
            archive=world.archive,
            window=Window(),
            cursor=cursor,
            seconds_left=lambda: 0,
            limits=FEW,
        )
        cursor = report.to_json()["cursor"]
        found += [*report.discrepancies]
        counts = vars(report.checked).values()
        checked = [one + other for one, other in zip(checked, counts, strict=True)]
    assert calls > 5
    key = {"key": lambda each: each.id}
    assert sorted(found, **key) == sorted(whole.discrepancies, **key)  # type: ignore[call-overload]
    assert checked == [*vars(whole.checked).values()]


def test_no_more_ids_are_held_than_the_limit_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred transactions, half of them in one backlog that was sealed late."""
    held = []
    read_slice = Coverage._read_slice

    def counted(self: Coverage) -> None:
        read_slice(self)
        held.append(len(self.expected))

    monkeypatch.setattr(Coverage, "_read_slice", counted)
    for number in range(1, 51):
        world.post(number)
    world.deliver()
    world.delivered(*([number, number + 1] for number in range(51, 100, 2)))
    report = world.verify(limits=FEW)
    assert report.is_consistent
    assert report.checked.transactions == 100
    assert 0 < max(held) <= FEW.transactions


def test_a_backlog_that_waits_in_the_outbox_is_looked_up_in_parts(world: World) -> None:
    world.delivered([1])
    for number in range(2, 40):
        world.post(number)
    world.as_superuser(f"DELETE FROM ledger.outbox_v2 WHERE transaction_ids = '{{{id_of(20)}}}'")
    assert world.found(limits=FEW) == {("missing", "transaction", id_of(20))}


def with_random_id(world: World, number: int) -> str:
    """A transaction in a batch from before the chain: its key."""
    world.post(number)
    world.as_superuser(
        "INSERT INTO ledger.outbox (transaction_ids, created_at)"
        " SELECT transaction_ids, created_at FROM ledger.outbox_v2",
        "DELETE FROM ledger.outbox_v2",
    )
    [key] = world.deliver()
    assert UUID(batch_of(key)).version == 4
    return key


def test_batches_from_before_the_chain_are_checked_without_it(world: World) -> None:
    keys = [with_random_id(world, number) for number in range(1, 6)]
    world.delivered([6], [7])
    assert world.found(limits=FEW) == set()
    world.archive.drop(keys[0])
    _alter(world.archive, keys[1])
    assert world.found(limits=FEW) == {
        ("missing", "batch", batch_of(keys[0])),
        ("altered", "transaction", id_of(2)),
    }


def test_records_of_older_formats_have_fewer_fields(world: World) -> None:
    key = with_random_id(world, 1)
    old = ("transaction_id", "debit_account", "credit_account", "amount_minor", "currency")
    _alter(world.archive, key, lambda record: {name: record[name] for name in old})
    assert world.found() == set()
    _alter(world.archive, key, lambda record: {name: record[name] for name in old[:3]})
    assert world.found() == {("altered", "transaction", id_of(1))}


@pytest.fixture
def old(world: World) -> tuple[World, list[str]]:
    """Eleven weeks ago, and therefore forgotten by the record: batches with and without a chain."""
    keys = [with_random_id(world, 1)]
    world.post(2)
    world.post(3)
    messages = world.seal()
    world.post(4)
    messages += [m for m in world.seal() if m not in messages]
    keys += [world.store(message) for message in messages]
    world.as_superuser("DELETE FROM ledger.sent_batches", "DELETE FROM ledger.unsent_batches")
    return world, keys


def in_eleven_weeks(
    world: World, monkeypatch: pytest.MonkeyPatch, window: Window | None = None
) -> set[tuple[str, str, str]]:
    """As if the record's weeks had passed since."""
    later = (datetime.now(UTC) + timedelta(days=77)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    horizon = Horizon(kept_from=later, recorded_from=later, oldest=None)
    monkeypatch.setattr(Ledger, "horizon", lambda _: horizon)
    return world.found(window=window)


def test_objects_older_than_the_record_are_compared_with_the_ledger_and_their_chain(
    old: tuple[World, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, keys = old
    assert in_eleven_weeks(world, monkeypatch) == set()
    for key in keys:
        _alter(world.archive, key)
    found = in_eleven_weeks(world, monkeypatch)
    assert {each for each in found if each[1] == "transaction"} == {
        ("altered", "transaction", id_of(number)) for number in range(1, 5)
    }
    assert {each for each in found if each[1] == "batch"} == {
        ("altered", "batch", batch_of(key)) for key in keys[1:]
    }


def test_an_old_object_that_was_dropped_leaves_missing_transactions_and_a_gap(
    old: tuple[World, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, keys = old
    world.archive.drop(keys[1])
    assert in_eleven_weeks(world, monkeypatch) == {
        ("missing", "transaction", id_of(2)),
        ("missing", "transaction", id_of(3)),
        ("missing", "chain", "1"),
    }


def test_an_old_object_with_what_the_ledger_does_not_have_is_named(
    old: tuple[World, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = old
    world.as_superuser(f"DELETE FROM ledger.transactions WHERE transaction_id = '{id_of(3)}'")
    assert in_eleven_weeks(world, monkeypatch) == {("unknown", "transaction", id_of(3))}


def test_an_old_transaction_in_two_objects_is_double(
    old: tuple[World, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, keys = old
    content, _ = world.archive.drop(keys[0])
    world.archive.put(keys[0], content, {})
    world.archive.put(keys[0].replace(batch_of(keys[0])[-5:], "fffff"), content, {})
    assert in_eleven_weeks(world, monkeypatch) == {("double", "transaction", id_of(1))}


def test_an_old_transaction_that_was_sealed_after_the_window_is_found_there(
    old: tuple[World, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, keys = old
    [[start, end]] = world.session.run(
        "SELECT min(posted_at), max(posted_at) FROM ledger.transactions"
        " WHERE transaction_id = ANY (CAST(:ids AS uuid[]))",
        ids=[id_of(2), id_of(3)],
    )
    window = Window(
        start=start.astimezone(UTC), end=end.astimezone(UTC) + timedelta(microseconds=1)
    )
    assert in_eleven_weeks(world, monkeypatch, window) == set()
    world.archive.drop(keys[1])
    assert in_eleven_weeks(world, monkeypatch, window) == {
        ("missing", "transaction", id_of(2)),
        ("missing", "transaction", id_of(3)),
    }


def _alter(archive: FakeArchive, key: str, change: Any = None) -> None:
    content, metadata = archive.drop(key)
    change = change or (lambda record: record | {"amount_minor": 7})
    archive.put(key, packed([change(record) for record in unpacked(content)]), metadata)


def test_a_statement_that_a_standby_ends_is_repeated(world: World) -> None:
    class Ending:
        calls = 0

        def run(self, sql: str, **values: Any) -> Any:
            self.calls += sql.startswith("\nSELECT")
            if self.calls == 1:
                connection: Connection = world.session
                sql = "DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$"
                return connection.run(sql)
            return world.session.run(sql, **values)

    assert Ledger(Ending()).head().number == 0
