"""The two functions that use the database, in the order of a deployment, as Lambda calls them.

Real entrypoints, migrations, roles, TLS and grants; only the AWS clients are stubs.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import ANY
from pg8000.native import Connection

from lambda_src.schema_migrator import entrypoint as migrator
from lambda_src.schema_migrator.outside_transactions import RESERVED_SECONDS
from lambda_src.schema_migrator.settings import (
    RETRY_BATCHES,
    SchemaMigratorSettings,
    send_again_event,
)
from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import DatabaseTarget, connect_to_writer
from lambda_src.transaction_processor import entrypoint as processor
from lambda_src.transaction_processor.settings import TransactionProcessorSettings
from tests.aws_stubs import type_of_aws
from tests.lambda_src.cluster import MASTER, STANDBY, WRITER, Cluster
from tests.lambda_src.sqs_events import kept, sqs_event
from tests.lambda_src.submissions import ALICE, NOBODY, balance, body_of, open_accounts, transaction

QUEUE = "https://sqs.us-east-1.amazonaws.com/111111111111/transaction-queue-dev"
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)
DEAD_LETTERS = "https://sqs.us-east-1.amazonaws.com/111111111111/transaction-dead-letters-dev"


@pytest.fixture
def _environment(
    cluster: Cluster, empty_database: str, aws: type_of_aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrator_settings = SchemaMigratorSettings(
        migrator_secret_arn="arn:master",
        service_secret_arn="arn:service",
        processor_secret_arn="arn:processor",
        auditor_secret_arn="arn:auditor",
        database_writer_host=WRITER,
        database_port=cluster.port,
        database_name=empty_database,
        database_ca_file=str(cluster.ca_file),
    )
    processor_settings = TransactionProcessorSettings(
        database_secret_arn="arn:processor",
        # As after a failover: the writer's name still points to the new standby.
        database_writer_host=STANDBY,
        database_reader_host=WRITER,
        database_port=cluster.port,
        database_name=empty_database,
        database_ca_file=str(cluster.ca_file),
        dead_letter_queue_url=DEAD_LETTERS,
        transaction_queue_url=QUEUE,
        receives_max=10,
        outcome_bus_name="outcomes-dev",
        breaker_table_name="transaction-breaker-dev",
        breaker_failures_max=1,
        breaker_pause_first_seconds=5,
        breaker_pause_max_seconds=20,
        processor_role_id="AROAPROCESSOR",
        environment_suffix="dev",
    )
    # Both use DATABASE_WRITER_HOST; `run_migrator` sets it for the migrator.
    for name, value in (migrator_settings.to_env() | processor_settings.to_env()).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "client", lambda service, **_: aws(service)[0])
    processor._worker.cache_clear()


@pytest.fixture
def master(cluster: Cluster, empty_database: str) -> Iterator[Connection]:
    with cluster.session(empty_database) as session:
        yield session


def add_secret(aws: type_of_aws, arn: str, username: str, password: str) -> None:
    value = json.dumps({"username": username, "password": password})
    aws("secretsmanager")[1].add_response(
        "get_secret_value", {"SecretString": value}, {"SecretId": arn}
    )


@pytest.mark.usefixtures("_environment")
def test_a_file_outside_of_transactions_gets_the_rest_of_the_functions_time(
    aws: type_of_aws, master: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a session of its own, which ends its statement before Lambda ends the function."""
    for file in migrator.MIGRATIONS.glob("*.sql"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    index = "CREATE INDEX CONCURRENTLY IF NOT EXISTS more ON ledger.outbox (outbox_id)"
    (tmp_path / "9000_index.sql").write_text(f"-- no transaction: for this test\n{index};\n")
    monkeypatch.setattr(migrator, "MIGRATIONS", tmp_path)
    targets = []

    def connect(target: DatabaseTarget, credentials: Credentials) -> Connection:
        targets.append(target)
        return connect_to_writer(target, credentials)

    monkeypatch.setattr(migrator, "connect_to_writer", connect)
    assert run_migrator(aws, monkeypatch, "p", seconds_left=100)["applied"][-1] == "9000_index.sql"
    assert targets[1].statement_timeout_seconds == 100 - RESERVED_SECONDS
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ledger.more'::regclass"
    assert master.run(valid) == [[True]]


def breaker_is_closed(aws: type_of_aws) -> None:
    """It is read before every batch."""
    aws("dynamodb")[1].add_response(
        "get_item",
        {},
        {
            "TableName": "transaction-breaker-dev",
            "Key": {"breaker": {"S": "ledger"}},
            "ConsistentRead": True,
        },
    )


def bus_takes(aws: type_of_aws, *detail_types: str) -> None:
    """One event of each of these types, in one call."""
    entries = [
        {
            "EventBusName": "outcomes-dev",
            "Source": "transactions",
            "DetailType": detail_type,
            "Detail": ANY,
        }
        for detail_type in detail_types
    ]
    aws("events")[1].add_response(
        "put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": entries}
    )


def run_migrator(
    aws: type_of_aws,
    monkeypatch: pytest.MonkeyPatch,
    processor_password: str,
    *,
    event: dict[str, Any] | None = None,
    seconds_left: int = 300,
) -> dict[str, Any]:
    add_secret(aws, "arn:master", MASTER.username, MASTER.password)
    add_secret(aws, "arn:service", "ledger_service", "service's")
    add_secret(aws, "arn:processor", "ledger_processor", processor_password)
    add_secret(aws, "arn:auditor", "ledger_auditor", "auditor's")
    with monkeypatch.context() as own:
        own.setenv("DATABASE_WRITER_HOST", WRITER)
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 1000 * seconds_left)
        return migrator.handler(event or {}, context)


@pytest.mark.usefixtures("_environment")
def test_s40_a_message_is_posted_with_the_processors_own_role(
    aws: type_of_aws,
    cluster: Cluster,
    master: Connection,
    monkeypatch: pytest.MonkeyPatch,
    lambda_log: list[dict[str, Any]],
) -> None:
    result = run_migrator(aws, monkeypatch, "processor's")
    assert "0001_ledger.sql" in result["applied"]
    [migrated] = [line for line in lambda_log if line["message"] == "schema migrated"]
    assert migrated["applied"] == result["applied"]
    assert result["logins"] == ["ledger_service", "ledger_processor", "ledger_auditor"]
    open_accounts(master)
    for _ in range(3):
        breaker_is_closed(aws)

    add_secret(aws, "arn:processor", "ledger_processor", "processor's")
    refused = {"QueueUrl": DEAD_LETTERS, "MessageBody": "{", "MessageAttributes": ANY}
    aws("sqs")[1].add_response("send_message", {}, refused)
    bus_takes(aws, "Transactions posted", "Messages dead-lettered")
    assert processor.handler(sqs_event(body_of(transaction(1)), "{"), CONTEXT) == kept()
    assert balance(master, ALICE) == 100

    # A second deployment rotates the password; open sessions and new ones keep working.
    assert run_migrator(aws, monkeypatch, "rotated")["applied"] == []
    bus_takes(aws, "Transactions posted")
    assert processor.handler(sqs_event(body_of(transaction(2))), CONTEXT) == kept()
    cluster.master.run(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'transaction-processor-dev'"
    )
    add_secret(aws, "arn:processor", "ledger_processor", "rotated")
    bus_takes(aws, "Transactions posted")
    assert processor.handler(sqs_event(body_of(transaction(3))), CONTEXT) == kept()
    assert balance(master, ALICE) == 300


class Killed(BaseException):
    """Lambda ends the function: no code of it runs any more."""


class EventBridge:
    """Remembers the events; the first call kills the function."""

    def __init__(self) -> None:
        self.calls = 0
        self.results: list[str] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        if self.calls == 1:
            raise Killed
        for entry in Entries:
            outcomes = json.loads(entry["Detail"])["outcomes"]
            self.results += [outcome["result"] for outcome in outcomes]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in Entries]}


@pytest.mark.usefixtures("_environment")
def test_a_function_that_dies_between_commit_and_event_tells_the_outcome_after_the_redelivery(
    aws: type_of_aws, master: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_migrator(aws, monkeypatch, "processor's")
    open_accounts(master)
    bus = EventBridge()
    monkeypatch.setattr(
        boto3, "client", lambda service, **_: bus if service == "events" else aws(service)[0]
    )
    add_secret(aws, "arn:processor", "ledger_processor", "processor's")
    refused = transaction(2, debit_account=NOBODY)
    event = sqs_event(body_of(transaction(1)), body_of(refused))

    breaker_is_closed(aws)
    with pytest.raises(Killed):
        processor.handler(event, CONTEXT)
    assert balance(master, ALICE) == 100

    breaker_is_closed(aws)
    assert processor.handler(event, CONTEXT) == kept()
    assert bus.results == ["replayed", "refused"]
    assert balance(master, ALICE) == 100


@pytest.mark.usefixtures("_environment")
def test_batches_that_are_set_aside_are_due_when_a_person_asks(
    aws: type_of_aws, master: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_migrator(aws, monkeypatch, "processor's")
    master.run(
        "INSERT INTO ledger.unsent_batches"
        " (transaction_ids, posted_at, sealed_at, due_at, refusals)"
        " SELECT '{}', now(), now(), now() + interval '1 hour', n FROM unnest(ARRAY[9, 10, 11]) n"
    )
    assert run_migrator(aws, monkeypatch, "processor's", event=RETRY_BATCHES) == {"retried": 2}
    assert master.run(
        "SELECT refusals, due_at < now() FROM ledger.unsent_batches ORDER BY refusals"
    ) == [[0, True], [0, True], [9, False]]


@pytest.mark.usefixtures("_environment")
def test_b10_what_the_audit_trail_lacks_is_sent_again_when_a_person_asks(
    aws: type_of_aws, master: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that was recorded as sent; and a transaction that nothing names any more."""
    run_migrator(aws, monkeypatch, "processor's")
    open_accounts(master)
    breaker_is_closed(aws)
    add_secret(aws, "arn:processor", "ledger_processor", "processor's")
    processor.handler(sqs_event(body_of(transaction(1))), CONTEXT)
    master.run("DELETE FROM ledger.outbox_v2")
    [[lost]] = master.run("SELECT transaction_id::text FROM ledger.transactions")
    [[batch]] = master.run(
        "INSERT INTO ledger.sent_batches"
        " (slot, batch_id, transaction_ids, posted_at, sealed_at, sent_at)"
        " SELECT 0, gen_random_uuid(), '{}', sent, sent, sent"
        "  FROM (SELECT now() - interval '1 hour' AS sent) sent RETURNING batch_id::text"
    )
    event = send_again_event(batch_ids=[batch], transaction_ids=[lost])

    assert run_migrator(aws, monkeypatch, "processor's", event=event) == {
        "batches": 1,
        "transactions": 1,
    }
    assert master.run("SELECT batch_id::text FROM ledger.unsent_batches") == [[batch]]
    assert master.run("SELECT transaction_ids::text[] FROM ledger.outbox_v2") == [[[lost]]]
    # Safe to repeat.
    assert run_migrator(aws, monkeypatch, "processor's", event=event) == {
        "batches": 0,
        "transactions": 0,
    }


def without_a_database(aws: type_of_aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """No host accepts writes; the next batch fails and opens the breaker."""
    monkeypatch.setenv("DATABASE_READER_HOST", STANDBY)
    add_secret(aws, "arn:processor", "postgres", MASTER.password)
    breaker_is_closed(aws)
    breaker_is_closed(aws)  # read again, to be changed
    aws("dynamodb")[1].add_response(
        "put_item",
        {},
        {
            "TableName": "transaction-breaker-dev",
            "Item": ANY,
            "ConditionExpression": ANY,
            "ExpressionAttributeValues": ANY,
        },
    )


@pytest.mark.usefixtures("_environment")
def test_s42_without_a_database_the_breaker_opens_and_the_batch_is_renewed(
    aws: type_of_aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_a_database(aws, monkeypatch)
    body = body_of(transaction(1))
    entry = {"Id": "0", "MessageBody": body, "DelaySeconds": ANY, "MessageAttributes": ANY}
    aws("sqs")[1].add_response(
        "send_message_batch",
        {"Successful": [{"Id": "0", "MessageId": "n1", "MD5OfMessageBody": "-"}], "Failed": []},
        {"QueueUrl": QUEUE, "Entries": [entry]},
    )
    event = sqs_event(body)
    event["Records"][0]["attributes"]["SentTimestamp"] = str(int(time.time() * 1000))
    assert processor.handler(event, CONTEXT) == kept()


@pytest.mark.usefixtures("_environment")
def test_s42_a_send_whose_answer_is_lost_is_not_repeated(
    aws: type_of_aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have happened: a repetition would add a copy of every message in it."""
    without_a_database(aws, monkeypatch)
    calls = []

    def lose_the_answer(event_name: str, **_: object) -> NoReturn:
        calls.append(event_name.rpartition(".")[2])
        raise ReadTimeoutError(endpoint_url=QUEUE)

    def client(service: str, **settings: Any) -> Any:
        if service != "sqs":
            return aws(service)[0]
        session = boto3.Session("a key", "its secret", region_name="us-east-1")
        sqs = session.client("sqs", **settings)
        sqs.meta.events.register("before-send.sqs", lose_the_answer)
        return sqs

    monkeypatch.setattr(boto3, "client", client)
    event = sqs_event(body_of(transaction(1)))
    event["Records"][0]["attributes"]["SentTimestamp"] = str(int(time.time() * 1000))

    assert processor.handler(event, CONTEXT) == kept("m1")
    assert calls == ["SendMessageBatch", "ChangeMessageVisibilityBatch"]
