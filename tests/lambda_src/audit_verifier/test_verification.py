"""What is as it should be is consistent, whatever is on its way; each attack on it is named."""

from datetime import timedelta

import pytest

from lambda_src.audit_verifier import findings
from lambda_src.audit_verifier.limits import Limits
from lambda_src.audit_verifier.report import Repair, Window
from lambda_src.audit_verifier.verification import verify
from tests.lambda_src.audit_verifier.world import (
    AT_ONCE,
    World,
    batch_of,
    id_of,
    packed,
)


def test_what_was_posted_and_stored_is_consistent(world: World) -> None:
    world.delivered([1, 2], [3], [4, 5, 6])
    report = world.verify()
    assert report.is_consistent, report.discrepancies
    assert vars(report.checked) == {"transactions": 6, "batches": 3, "objects": 3}


def test_an_empty_ledger_is_consistent(world: World) -> None:
    assert world.verify().is_consistent


def test_what_is_on_its_way_is_no_discrepancy(world: World) -> None:
    """In the outbox, sealed, sent and not stored yet, stored and not recorded as sent."""
    world.delivered([1])
    world.post(2)
    [stored] = world.seal()
    world.store(stored)  # the relay died before it recorded the batch
    world.post(3)
    sent = [message for message in world.seal() if message != stored]
    world.record_sent(*sent)
    world.post(4)
    world.seal()
    world.post(5)
    limits = Limits(missing_after_seconds=900, unknown_after_seconds=0)
    assert world.found(limits=limits) == set()


def test_a_batch_that_was_refused_and_set_aside_waits(world: World) -> None:
    world.post(1)
    [message] = world.seal()
    for _ in range(10):
        world.session.run("SELECT ledger.record_refused(:id, 'no')", id=message["batch_id"])
    assert world.found() == set()


def test_an_outbox_row_that_was_deleted_is_a_missing_transaction(world: World) -> None:
    world.delivered([1])
    world.post(2)
    world.as_superuser("DELETE FROM ledger.outbox_v2")
    world.delivered([3])
    [found] = world.verify().discrepancies
    assert (found.kind, found.subject, found.id) == ("missing", "transaction", id_of(2))
    assert found.repair is Repair.SEAL_TRANSACTION


def test_an_object_that_was_dropped_is_a_missing_batch(world: World) -> None:
    keys = world.delivered([1], [2, 3], [4])
    world.archive.drop(keys[1])
    [found] = world.verify().discrepancies
    assert (found.kind, found.subject, found.id) == ("missing", "batch", batch_of(keys[1]))
    assert found.repair is Repair.SEND_BATCH


def test_a_transaction_that_was_deleted_from_the_ledger_is_unknown(world: World) -> None:
    world.delivered([1, 2])
    world.as_superuser(f"DELETE FROM ledger.transactions WHERE transaction_id = '{id_of(2)}'")
    assert world.found() == {("unknown", "transaction", id_of(2))}


def test_a_foreign_object_is_unknown(world: World) -> None:
    [key] = world.delivered([1])
    content, metadata = world.archive.drop(key)
    world.archive.put(key, content, metadata)
    foreign = [
        key.replace(key[-15:-10], "fffff"),  # another batch
        key.replace("/20", "/19"),  # another day than that of its id
        key[:17] + "ffffffff-ffff-7fff-bfff-ffffffffffff.ndjson.gz",  # of the year 10889
        "audit/note.txt",
    ]
    for each in foreign:
        world.archive.put(each, content, {})
    found = world.found()
    assert {("unknown", "object", each) for each in foreign} <= found
    assert ("double", "transaction", id_of(1)) in found


def test_an_object_is_unknown_only_when_its_record_had_time_to_reach_a_standby(
    world: World,
) -> None:
    [key] = world.delivered([1])
    content, metadata = world.archive.drop(key)
    other = key.replace(key[-15:-10], "fffff")
    world.archive.put(key, content, metadata)
    world.archive.put(other, content, {})
    long = timedelta(days=100_000).total_seconds()
    assert world.found(limits=Limits(missing_after_seconds=0, unknown_after_seconds=long)) == set()
    assert ("unknown", "object", other) in world.found(limits=AT_ONCE)


def test_a_transaction_in_two_batches_is_double(world: World) -> None:
    world.delivered([1], [2])
    world.session.run(
        "INSERT INTO ledger.outbox_v2 (transaction_ids, bytes_max, created_at)"
        " SELECT ARRAY[transaction_id], 1000, posted_at FROM ledger.transactions"
        f" WHERE transaction_id = '{id_of(1)}'"
    )
    keys = world.delivered([3])
    [found] = world.verify().discrepancies
    assert (found.kind, found.subject, found.id) == ("double", "transaction", id_of(1))
    assert batch_of(keys[0]) in found.detail


def test_a_batch_that_was_removed_from_the_record_leaves_a_gap_in_the_chain(world: World) -> None:
    """Even if its object and its transactions are removed with it."""
    keys = world.delivered([1], [2], [3])
    world.archive.drop(keys[1])
    world.as_superuser(
        f"DELETE FROM ledger.sent_batches WHERE batch_id = '{batch_of(keys[1])}'",
        f"DELETE FROM ledger.transactions WHERE transaction_id = '{id_of(2)}'",
    )
    assert world.found() == {("missing", "chain", "2")}


def test_the_newest_batch_and_the_first_one_cannot_be_removed_unseen(world: World) -> None:
    keys = world.delivered([1], [2], [3])
    for number in (1, 3):
        world.archive.drop(keys[number - 1])
        world.as_superuser(
            f"DELETE FROM ledger.sent_batches WHERE batch_id = '{batch_of(keys[number - 1])}'",
            f"DELETE FROM ledger.transactions WHERE transaction_id = '{id_of(number)}'",
        )
    assert world.found() == {("missing", "chain", "1"), ("missing", "chain", "3")}


def test_a_hash_that_was_rewritten_breaks_the_chain(world: World) -> None:
    keys = world.delivered([1], [2], [3])
    world.as_superuser(
        "UPDATE ledger.sent_batches SET previous_hash = sha256('')"
        f" WHERE batch_id = '{batch_of(keys[1])}'"
    )
    assert ("altered", "chain", "2") in world.found()


def test_a_head_that_was_rewritten_is_altered(world: World) -> None:
    world.delivered([1], [2])
    world.as_superuser("UPDATE ledger.audit_chain SET batch_hash = sha256('')")
    assert world.found() == {("altered", "chain", "2")}


def test_a_batch_that_names_a_transaction_twice_is_double(world: World) -> None:
    [key] = world.delivered([1])
    world.as_superuser(
        "UPDATE ledger.sent_batches SET transaction_ids = transaction_ids || transaction_ids"
    )
    assert ("double", "batch", batch_of(key)) in world.found()


def test_a_transaction_that_is_double_is_named_once(world: World) -> None:
    keys = world.delivered([1])
    content, _ = world.archive.newest(keys[0])
    for letters in ("eeeee", "fffff"):
        world.archive.put(keys[0].replace(keys[0][-15:-10], letters), content, {})
    found = [each for each in world.verify().discrepancies if each.kind.value == "double"]
    assert [each.id for each in found] == [id_of(1)]


def test_a_foreign_object_without_records_is_unknown_and_altered(world: World) -> None:
    [key] = world.delivered([1])
    for letters, content in (("eeeee", b"no gzip"), ("fffff", packed([{}]))):
        foreign = key.replace(key[-15:-10], letters)
        world.archive.put(foreign, content, {})
        assert {("unknown", "object", foreign), ("altered", "object", foreign)} <= world.found()


def test_an_object_whose_record_was_removed_is_named_with_its_place_in_the_chain(
    world: World,
) -> None:
    keys = world.delivered([1], [2], [3])
    world.as_superuser(f"DELETE FROM ledger.sent_batches WHERE batch_id = '{batch_of(keys[1])}'")
    found = {(each.kind.value, each.id): each.detail for each in world.verify().discrepancies}
    assert found.keys() == {("unknown", keys[1]), ("missing", "2"), ("unknown", "2")}
    assert "the ledger has lost the batch with this number" in found["unknown", "2"]


def test_more_discrepancies_than_a_report_lists_are_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "DISCREPANCIES_MAX", 2)
    for key in world.delivered([1], [2], [3]):
        world.archive.drop(key)
    report = verify(
        connection=world.session,
        archive=world.archive,
        window=Window(),
        cursor=None,
        seconds_left=lambda: 900,
        limits=AT_ONCE,
    )
    assert (report.discrepancy_count, len(report.discrepancies)) == (3, 2)
