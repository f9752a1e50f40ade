"""What was stored before the record of sent batches began, or before batches had a chain."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from lambda_src.audit_verifier.ledger import Horizon, Ledger
from lambda_src.audit_verifier.limits import Limits
from lambda_src.audit_verifier.report import Window
from tests.lambda_src.audit_verifier.world import (
    AT_ONCE,
    FEW,
    FakeArchive,
    World,
    batch_of,
    id_of,
    packed,
    unpacked,
)


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
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    window: Window | None = None,
    limits: Limits = AT_ONCE,
) -> set[tuple[str, str, str]]:
    """As if the record's weeks had passed since."""
    later = (datetime.now(UTC) + timedelta(days=77)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    horizon = Horizon(kept_from=later, recorded_from=later, oldest=None)
    monkeypatch.setattr(Ledger, "horizon", lambda _: horizon)
    return world.found(window=window, limits=limits)


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


def test_what_is_older_than_the_record_is_not_to_be_sent_again(
    old: tuple[World, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can have been sent: in a second batch it would be double."""
    world, keys = old
    world.archive.drop(keys[1])
    in_eleven_weeks(world, monkeypatch)
    assert {each.repair for each in world.verify().discrepancies} == {None}


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


def test_only_so_many_old_transactions_are_held_and_the_rest_is_reported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The objects of random ids do not come in the order of time."""
    for number in range(1, 30):
        world.post(number)
    world.as_superuser("DELETE FROM ledger.outbox_v2")
    found = in_eleven_weeks(world, monkeypatch, limits=FEW)
    assert found
    assert {each[:2] for each in found} == {("missing", "transaction")}


def test_what_an_old_transaction_is_looked_for_in_may_be_damaged(
    old: tuple[World, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, keys = old
    [[start]] = world.session.run("SELECT min(posted_at) FROM ledger.transactions")
    window = Window(
        start=start.astimezone(UTC), end=start.astimezone(UTC) + timedelta(microseconds=1)
    )
    content, metadata = world.archive.drop(keys[0])
    world.archive.put("audit/2999/01/01/note.txt", b"", {})
    _, chained = world.archive.drop(keys[1])
    world.archive.put(keys[1], b"no gzip", chained)
    world.archive.delete(keys[2])
    later = keys[1].replace(batch_of(keys[1])[-5:], "fffff")
    world.archive.put(later, content, metadata)
    assert in_eleven_weeks(world, monkeypatch, window) == {("altered", "object", keys[2])}
    world.archive.drop(later)
    assert ("missing", "transaction", id_of(1)) in in_eleven_weeks(world, monkeypatch, window)


def test_a_random_id_that_looks_like_a_time_is_no_place_in_the_order(world: World) -> None:
    """Of random ids one in some hundreds lies between those that sort by time."""
    key = with_random_id(world, 1)
    chained = batch_of(world.delivered([2])[0])
    random_id = f"{chained[:14]}4{chained[15:]}"
    world.as_superuser(
        f"UPDATE ledger.sent_batches SET batch_id = '{random_id}' WHERE chain_number IS NULL"
    )
    content, metadata = world.archive.drop(key)
    world.archive.put(key.replace(batch_of(key), random_id), content, metadata)
    report = world.verify()
    assert report.is_consistent, report.discrepancies
    assert report.checked.batches == 2
