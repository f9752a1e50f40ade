"""A verification of a part of the time, in several calls, with few things in memory."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from lambda_src.audit_verifier.coverage import Coverage
from lambda_src.audit_verifier.ledger import Ledger
from lambda_src.audit_verifier.report import Window
from lambda_src.audit_verifier.verification import verify
from tests.lambda_src.audit_verifier.world import (
    FEW,
    World,
    batch_of,
    id_of,
)


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


def test_a_standby_that_ends_every_attempt_fails_the_verification(world: World) -> None:
    class Ending:
        def run(self, sql: str, **_: Any) -> Any:
            code = "40001" if "SELECT" in sql else None
            return world.session.run(
                f"DO $$ BEGIN RAISE EXCEPTION SQLSTATE '{code}'; END $$" if code else sql
            )

    with pytest.raises(DatabaseError, match="40001"):
        Ledger(Ending()).head()


def test_an_error_of_the_database_is_not_repeated(world: World) -> None:
    ledger = Ledger(world.session)
    with pytest.raises(DatabaseError, match="22P02"):
        ledger.batches_named(["no id"])


def test_objects_of_other_days_are_not_listed(world: World) -> None:
    world.delivered([1])
    end = pause(world)
    next_days = f"audit/{end + timedelta(days=2):%Y/%m/%d}/"
    world.archive.put(f"{next_days}note.txt", b"", {})
    assert world.found(window=Window(end=end)) == set()
    assert world.found() == {("unknown", "object", f"{next_days}note.txt")}


def test_many_doubles_are_reported_in_bounded_memory(world: World) -> None:
    [key] = world.delivered(range(1, 30))
    [(_, stored)] = world.archive.versions_of[key]
    assert stored is not None
    world.archive.put(key.replace(batch_of(key)[-5:], "fffff"), stored.content, {})
    found = world.found(limits=FEW)
    assert {each[2] for each in found if each[0] == "double"} == {id_of(n) for n in range(1, 30)}


def test_an_object_that_disappears_while_it_is_verified_is_missing(world: World) -> None:
    [key] = world.delivered([1])
    foreign = key.replace(batch_of(key)[-5:], "fffff")
    world.archive.put(foreign, b"", {})
    world.archive.read = lambda _: None  # type: ignore[method-assign, assignment]
    assert world.found() == {("missing", "batch", batch_of(key))}
