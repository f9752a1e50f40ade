"""The way of one transaction: as far as it has come, and whether the object is what was posted."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from pg8000.exceptions import DatabaseError

from lambda_src.audit_verifier import trace as module
from lambda_src.audit_verifier import trace_queries
from lambda_src.audit_verifier.moments import first_id_at, moment_of
from lambda_src.audit_verifier.request import BadRequest, traced
from lambda_src.audit_verifier.trace import trace_of
from lambda_src.audit_verifier.trace_report import Trace
from lambda_src.transaction_processor.posting import SqlLedger
from tests.lambda_src.audit_verifier.world import World, batch_of, id_of, packed, unpacked
from tests.lambda_src.submissions import ALICE, submitted, transaction

MESSAGE = "5a3f0c1e-6a52-4f0e-9c8e-2f1de0b7a001"


def trace(world: World, number: int) -> Trace:
    return trace_of(UUID(int=number), connection=world.session, archive=world.archive)


def post_from(world: World, origin_id: str, *numbers: int) -> None:
    ledger = SqlLedger(connect=lambda: world.session, pause_up_to=lambda _: None)
    wanted = submitted(*map(transaction, numbers))
    ledger.post([replace(each, origin_id=origin_id) for each in wanted])


def test_it_is_followed_from_place_to_place(world: World) -> None:
    post_from(world, MESSAGE.replace("-", ""), 1, 2)
    found = trace(world, 2)
    assert found.transaction is not None
    assert (found.transaction.state, found.transaction.message_id) == ("posted", MESSAGE)
    assert found.transaction.trace_id is None
    assert found.outbox is not None
    assert (found.outbox.created_at, found.outbox.transactions) == (found.transaction.posted_at, 2)
    assert (found.batch, found.object) == (None, None)

    [message] = world.seal()
    found = trace(world, 2)
    assert (found.outbox, found.object) == (None, None)
    assert found.batch is not None
    assert (found.batch.batch_id, found.batch.chain_number) == (message["batch_id"], 1)
    assert (found.batch.sent_at, found.batch.transactions) == (None, 2)
    assert found.key is not None
    assert batch_of(found.key) == message["batch_id"]

    world.session.run(
        "SELECT ledger.record_refused(CAST(:id AS uuid), 'Throttled')", id=message["batch_id"]
    )
    found = trace(world, 2)
    assert found.batch is not None
    assert (found.batch.refusals, found.batch.last_error) == (1, "Throttled")
    assert found.batch.due_at is not None

    world.record_sent(message)
    key = world.store(message)
    found = trace(world, 2)
    assert found.batch is not None
    assert found.transaction is not None
    assert found.batch.sent_at is not None
    moments = [found.transaction.posted_at, found.batch.sealed_at, found.batch.sent_at, found.now]
    assert moments == sorted(moments)
    assert found.object is not None
    assert (found.object.key, found.object.versions, found.object.faults) == (key, 1, [])
    assert found.object.record_hash == message["transactions"][1]["hash"]
    assert found.object.chain_number == 1


def test_a_refused_or_unknown_transaction_is_in_no_batch(world: World) -> None:
    assert trace(world, 1).transaction is None
    ledger = SqlLedger(connect=lambda: world.session, pause_up_to=lambda _: None)
    poor = transaction(2, debit_account=ALICE, credit_account=1)
    assert ledger.post(submitted(poor)) == ["insufficient_funds"]
    found = trace(world, 2)
    assert found.transaction is not None
    assert (found.transaction.state, found.transaction.reason) == ("refused", "insufficient_funds")
    assert (found.outbox, found.batch, found.object) == (None, None, None)


def test_an_object_that_is_not_what_was_posted_has_its_faults_named(world: World) -> None:
    [key] = world.delivered([1, 2])
    content, metadata = world.archive.newest(key)
    records = unpacked(content)
    records[0]["amount_minor"] = 7
    world.archive.replace(key, packed(records), {**metadata, "chain-number": "9"})
    found = trace(world, 2)
    assert found.object is not None
    assert len(found.object.faults) == 2
    assert "place in the chain" in found.object.faults[0]
    assert "amount_minor is 7 in the object" in found.object.faults[1]


def test_an_object_that_is_gone_or_deleted_is_not_there(world: World) -> None:
    [key] = world.delivered([1])
    world.archive.delete(key)
    found = trace(world, 1)
    assert (found.key, found.object) == (key, None)
    del world.archive.versions_of[key]
    assert trace(world, 1).object is None


@pytest.fixture
def forgotten(world: World) -> list[str]:
    """The keys of three batches whose record is gone, as after two months."""
    keys = world.delivered([1], [2, 3], [4])
    world.as_superuser("DELETE FROM ledger.sent_batches")
    return keys


def test_the_object_of_a_forgotten_batch_is_looked_for_in_the_bucket(
    world: World, forgotten: list[str]
) -> None:
    found = trace(world, 3)
    assert found.batch is None
    assert found.object is not None
    assert (found.key, found.object.key) == (forgotten[1], forgotten[1])
    assert (found.object.chain_number, found.object.faults) == (2, [])


def test_an_object_of_a_forgotten_batch_that_was_changed_is_named(
    world: World, forgotten: list[str]
) -> None:
    content, metadata = world.archive.newest(forgotten[1])
    changed = [record | {"currency": "EUR"} for record in unpacked(content)]
    world.archive.replace(forgotten[1], packed(changed), metadata)
    found = trace(world, 3)
    assert found.object is not None
    assert any("currency" in fault for fault in found.object.faults)


def test_a_forgotten_batch_without_metadata_is_compared_with_the_ledger_alone(
    world: World, forgotten: list[str]
) -> None:
    """An audit writer from before the chain stored none."""
    content, _ = world.archive.newest(forgotten[1])
    world.archive.replace(forgotten[1], content, {})
    found = trace(world, 3)
    assert found.object is not None
    assert (found.object.chain_number, found.object.faults) == (None, [])


def test_what_is_in_no_object_is_not_found(world: World, forgotten: list[str]) -> None:
    world.archive.delete(forgotten[1])
    world.archive.replace(forgotten[2], b"no gzip", {})
    found = trace(world, 3)
    assert (found.outbox, found.batch, found.key, found.object) == (None, None, None, None)


def test_a_batch_from_before_the_chain_has_the_key_of_its_day(world: World) -> None:
    world.post(1)
    world.as_superuser(
        "DELETE FROM ledger.outbox_v2",
        "INSERT INTO ledger.unsent_batches"
        " (batch_id, transaction_ids, posted_at, sealed_at, due_at)"
        " SELECT '00000000-0000-4000-8000-000000000001', ARRAY[transaction_id], posted_at,"
        " posted_at, posted_at FROM ledger.transactions",
    )
    found = trace(world, 1)
    assert found.batch is not None
    assert found.transaction is not None
    day: datetime = moment_of(found.transaction.posted_at)
    assert found.batch.chain_number is None
    assert found.key == f"audit/{day:%Y/%m/%d}/{found.batch.batch_id}.ndjson.gz"


def test_a_search_that_takes_too_long_is_ended_and_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At full load a day of batches is gigabytes, on the host where others post."""
    [key] = world.delivered([1])
    monkeypatch.setattr(module, "SEARCH_SECONDS_MAX", 1)  # enough for the other searches
    slow = trace_queries.SENT_SQL.replace("SELECT", "SELECT pg_sleep(600)::text,", 1)
    monkeypatch.setattr(trace_queries, "SENT_SQL", slow)
    found = trace(world, 1)
    assert [place.partition(" sealed")[0] for place in found.not_searched] == ["the batches"]
    assert found.batch is None
    assert (found.key, found.object is None) == (key, False)  # the bucket still has it
    assert world.session.run("SHOW statement_timeout") != [["1s"]]


def test_an_error_of_the_database_is_not_taken_for_a_long_search(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.delivered([1])
    monkeypatch.setattr(trace_queries, "SENT_SQL", "SELECT no_column")
    with pytest.raises(DatabaseError, match="no_column"):
        trace(world, 1)


def test_what_waits_in_the_outbox_is_in_no_batch_so_none_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.post(1)
    monkeypatch.setattr(trace_queries, "UNSENT_SQL", "SELECT no_column")
    monkeypatch.setattr(trace_queries, "SENT_SQL", "SELECT no_column")
    assert trace(world, 1).outbox is not None


def test_the_first_search_reads_no_batch_from_long_before_the_posting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch that is read is a whole array of ids: an hour of them is much."""
    world.delivered([1])
    ended = trace_queries.SENT_SQL.replace(
        "LIMIT 1", "LIMIT (SELECT 1 / CAST(CAST(:first AS uuid) > CAST(:early AS uuid) AS int))"
    )
    [[posted_at]] = world.session.run("SELECT posted_at FROM ledger.transactions LIMIT 1")
    early = first_id_at(posted_at - timedelta(seconds=2))
    monkeypatch.setattr(trace_queries, "SENT_SQL", ended.replace(":early", f"'{early}'"))
    assert trace(world, 1).batch is not None


def test_batches_are_read_in_the_order_of_their_index_until_one_has_it(world: World) -> None:
    """A plan that sorts has read all of them first."""
    run = world.session.run
    values = {"id": UUID(int=1), "first": UUID(int=1), "last": UUID(int=9)}
    run("BEGIN")
    for kind in ("seqscan", "bitmapscan", "sort"):  # an empty table is sorted, if it can be
        run(f"SET LOCAL enable_{kind} = off")
    plan = " ".join(line for [line] in run(f"EXPLAIN {trace_queries.SENT_SQL}", **values))
    run("ROLLBACK")
    assert "Sort  (" not in plan


@pytest.mark.parametrize("later", [timedelta(minutes=30), timedelta(minutes=-30)])
def test_a_batch_that_was_sealed_late_or_by_another_clock_is_found(
    world: World, later: timedelta
) -> None:
    world.delivered([1])
    world.as_superuser(
        "UPDATE ledger.sent_batches SET batch_id = ledger.time_ordered_id(posted_at +"
        f" interval '{later.total_seconds()} seconds')"
    )
    found = trace(world, 1)
    assert found.batch is not None
    assert found.object is None


def test_an_answer_is_read_as_it_was_made_also_one_of_a_later_version(world: World) -> None:
    nothing = trace(world, 1)
    assert Trace.of_json(json.loads(json.dumps(nothing.to_json()))) == nothing
    world.delivered([1])
    found = trace(world, 1)
    assert found.object is not None
    document = json.loads(json.dumps(found.to_json()))
    later = document | {"more": 1, "batch": document["batch"] | {"more": 1}}
    assert Trace.of_json(later) == found
    del document["is_from_standby"], document["not_searched"]  # as an earlier version answers
    assert Trace.of_json(document) == found


def test_an_event_names_the_transaction_alone() -> None:
    assert traced({"from": None}) is None
    assert traced({"trace": id_of(7)}) == UUID(int=7)
    with pytest.raises(BadRequest, match=r"trace: must be a UUID .*, got a string of 1 character"):
        traced({"trace": "x"})
    with pytest.raises(BadRequest, match="only field of its event, got 2 fields"):
        traced({"trace": id_of(7), "from": None})
