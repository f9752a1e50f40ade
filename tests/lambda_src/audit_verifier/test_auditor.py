"""The verifier as it is deployed: its own role, on the standby, from the event to the answer."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.stub import ANY
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from lambda_src.audit_verifier import entrypoint
from lambda_src.audit_verifier.archive import ArchiveUnreadable
from lambda_src.audit_verifier.report import Window
from lambda_src.audit_verifier.run import Run
from lambda_src.audit_verifier.settings import AuditVerifierSettings
from lambda_src.audit_verifier.trace import trace_of
from lambda_src.audit_verifier.verification import verify
from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import connect_to_any
from tests.aws_stubs import type_of_aws
from tests.lambda_src.audit_verifier.world import AT_ONCE, World, id_of
from tests.lambda_src.cluster import NOBODY, STANDBY, WRITER, Cluster
from tests.patience import PATIENCE_SECONDS

AUDITOR = Credentials(username="ledger_auditor", password="auditor")
SECRET = "arn:aws:secretsmanager:us-east-1:111111111111:secret:auditor"
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)


@pytest.fixture
def standby(cluster: Cluster, ledger_database: str, world: World) -> Iterator[Connection]:
    """A session of the auditor there. What `world` does arrives after `caught_up`."""
    cluster.master.run("ALTER ROLE ledger_auditor LOGIN PASSWORD 'auditor'")
    connection = connect_to_any(cluster.target(ledger_database, hosts=(STANDBY, WRITER)), AUDITOR)
    yield connection
    connection.close()


def caught_up(world: World, standby: Connection) -> None:
    [[position]] = world.session.run("SELECT CAST(pg_current_wal_lsn() AS text)")
    until = time.monotonic() + PATIENCE_SECONDS
    while standby.run(f"SELECT pg_last_wal_replay_lsn() < '{position}'") == [[True]]:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_it_verifies_on_a_standby_with_the_rights_of_its_role(
    world: World, standby: Connection
) -> None:
    world.delivered([1, 2], [3])
    world.post(4)
    world.as_superuser("DELETE FROM ledger.outbox_v2")
    world.post(5)
    world.seal()
    world.post(6)
    caught_up(world, standby)
    assert standby.run("SELECT pg_is_in_recovery()") == [[True]]
    report = verify(
        connection=standby,
        archive=world.archive,
        window=Window(),
        cursor=None,
        seconds_left=lambda: 900,
        limits=AT_ONCE,
    )
    assert [(each.kind.value, each.id) for each in report.discrepancies] == [("missing", id_of(4))]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.outbox_v2",
        "UPDATE ledger.transactions SET amount_minor = 1",
        "INSERT INTO ledger.sent_batches VALUES (0, gen_random_uuid(), '{}', now(), now(), now())",
        "UPDATE ledger.audit_chain SET chain_number = 9",
        "SELECT * FROM ledger.accounts",
        "SELECT * FROM ledger.schema_migrations",
        "SELECT * FROM ledger.send_again('{}', '{}')",
        "SELECT * FROM ledger.take_batches(1, 1, 1)",
        "SELECT ledger.record_sent('{}')",
        "SELECT ledger.retry_batches()",
        "SELECT ledger.empty_old_batches()",
        "BEGIN; LOCK TABLE ledger.transactions IN SHARE MODE",
        "CREATE TEMPORARY TABLE filling (disk text)",
        "CREATE TABLE ledger.mine (x int)",
        "SET ROLE ledger_owner",
    ],
)
def test_its_role_reads_and_nothing_else(
    cluster: Cluster, ledger_database: str, statement: str
) -> None:
    cluster.master.run("ALTER ROLE ledger_auditor LOGIN PASSWORD 'auditor'")
    connection = connect_to_any(cluster.target(ledger_database), AUDITOR)
    try:
        with pytest.raises(DatabaseError, match=r"permission denied|must (be|have)"):
            connection.run(statement)
    finally:
        connection.close()


@pytest.fixture
def call(
    cluster: Cluster,
    ledger_database: str,
    world: World,
    aws: type_of_aws,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """The handler, with an empty bucket; the reader does not answer."""
    cluster.master.run("ALTER ROLE ledger_auditor LOGIN PASSWORD 'auditor'")
    settings = AuditVerifierSettings(
        audit_bucket_name="audit-dev",
        database_secret_arn=SECRET,
        database_writer_host=WRITER,
        database_reader_host=NOBODY,
        database_port=cluster.port,
        database_name=ledger_database,
        database_ca_file=str(cluster.ca_file),
        missing_after_seconds=0,
        environment_suffix="dev",
    )
    for name, value in settings.to_env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "client", lambda service, **_: aws(service)[0])

    def invoke(event: dict[str, Any]) -> dict[str, Any]:
        secret = {"SecretString": json.dumps(vars(AUDITOR))}
        aws("secretsmanager")[1].add_response("get_secret_value", secret, {"SecretId": SECRET})
        request: dict[str, Any] = {"Bucket": "audit-dev", "Prefix": "audit/"}
        if "trace" in event:
            request["Prefix"] = ANY
        if event.get("scheduled") or event.get("from"):
            request["KeyMarker"] = ANY
        aws("s3")[1].add_response("list_object_versions", {"IsTruncated": False}, request)
        return entrypoint.handler(event, CONTEXT)

    return invoke


def test_the_answer_and_the_log_have_what_was_found(
    call: Any, world: World, lambda_log: list[dict[str, Any]]
) -> None:
    world.post(1)
    [message] = world.seal()
    world.record_sent(message)
    answer = call({"from": None, "to": None, "cursor": None})
    json.dumps(answer)
    [found] = answer["discrepancies"]
    assert (found["kind"], found["subject"], found["id"]) == (
        "missing", "batch", message["batch_id"],
    )  # fmt: skip
    assert found["repair"] == "send_batch"
    assert answer["checked"] == {"transactions": 1, "batches": 1, "objects": 0}
    assert (answer["discrepancy_count"], answer["cursor"], answer["from"]) == (1, None, None)
    lines = {line["message"]: line for line in lambda_log}
    assert lines["audit discrepancy"]["discrepancies"] == 1
    assert lines["audit verified"]["batches"] == 1


def test_an_event_that_names_a_transaction_gets_its_way(
    call: Any, world: World, lambda_log: list[dict[str, Any]]
) -> None:
    world.post(1)
    [message] = world.seal()
    world.record_sent(message)
    answer = call({"trace": id_of(1)})
    json.dumps(answer)
    assert answer["trace"]["transaction"]["transaction_id"] == id_of(1)
    assert answer["trace"]["batch"]["batch_id"] == message["batch_id"]
    assert answer["trace"]["object"] is None
    assert lambda_log == []


def test_it_follows_a_transaction_on_a_standby_with_the_rights_of_its_role(
    world: World, standby: Connection
) -> None:
    [key] = world.delivered([1])
    caught_up(world, standby)
    assert not trace_of(
        UUID(int=1), connection=world.session, archive=world.archive
    ).is_from_standby
    trace = trace_of(UUID(int=1), connection=standby, archive=world.archive)
    assert trace.is_from_standby
    assert trace.object is not None
    assert (trace.object.key, trace.object.faults) == (key, [])


def test_the_schedule_looks_at_the_last_two_hours_and_not_at_the_last_minutes(
    call: Any, lambda_log: list[dict[str, Any]]
) -> None:
    answer = call({"scheduled": True})
    start, end = (datetime.fromisoformat(answer[name]) for name in ("from", "to"))
    assert (end - start).total_seconds() == 110 * 60
    assert 0 <= (datetime.now(UTC) - end).total_seconds() - 600 < 60
    assert [line["message"] for line in lambda_log] == ["audit verified"]


def test_a_call_that_is_not_finished_is_not_reported_as_verified(
    call: Any, world: World, lambda_log: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.post(1)
    monkeypatch.setattr(CONTEXT, "get_remaining_time_in_millis", lambda: 1_000)
    answer = call({"from": "2026-01-01T00:00:00Z"})
    assert answer["cursor"] is not None
    assert lambda_log == []


def test_what_was_found_before_an_error_is_logged(
    call: Any, world: World, lambda_log: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.post(1)
    [message] = world.seal()
    world.record_sent(message)

    def fail(_: Run) -> Iterator[None]:
        raise ArchiveUnreadable("no answer")

    monkeypatch.setattr(Run, "_rest_of_the_ledger", fail)
    with pytest.raises(ArchiveUnreadable):
        call({"from": None})
    assert [line["message"] for line in lambda_log] == ["audit discrepancy", "discrepancy"]
    assert lambda_log[1]["id"] == message["batch_id"]
