"""S42, end to end: after a long outage of the database no message is a dead letter.

The processor's asset runs in the local cloud as in Lambda, with an event source mapping from a real
queue that counts receives and redrives; PostgreSQL is stopped and started. Only the configuration
shortens the time: pauses of a second, and a queue with at most three receives.
"""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from infra.processors import PROCESSOR_SOURCE
from infra.python_version import deployed_python, lambda_runtime
from lambda_src.schema_migrator.migrations import apply_migrations, read_migrations
from lambda_src.shared.database import ASSET_ROOT
from lambda_src.transaction_processor.settings import TransactionProcessorSettings
from local_cloud.addresses import free_port
from local_cloud.aws import ACCOUNT, AwsClients
from local_cloud.certificates import LocalAuthority
from local_cloud.paths import CloudPaths
from local_cloud.postgres import PostgresServer
from local_cloud.server import start_cloud, stop_cloud
from tests.lambda_src.cluster import MASTER, WRITER, Cluster
from tests.lambda_src.submissions import ALICE, balance, body_of, open_accounts, transaction

if TYPE_CHECKING:
    from mypy_boto3_lambda.literals import RuntimeType

RECEIVES_MAX = 3
FUNCTION = "transaction-processor-dev"
GROUP = f"/aws/lambda/{FUNCTION}"
TABLE = "transaction-breaker-dev"
BUS = "outcomes-dev"


@dataclass(kw_only=True)
class Deployed:
    """The queue, its processor and their database."""

    aws: AwsClients
    database: PostgresServer
    cluster: Cluster
    queue_url: str
    dead_letters_url: str
    sent: list[int] = field(default_factory=list)

    def send(self, count: int) -> None:
        for _ in range(count):
            number = len(self.sent) + 1
            self.sent.append(number)
            self.aws.sqs.send_message(
                QueueUrl=self.queue_url, MessageBody=body_of(transaction(number))
            )

    def in_queue(self, url: str) -> int:
        """The number of messages that are visible, in flight or delayed."""
        answer = self.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return sum(
            int(value)
            for name, value in answer["Attributes"].items()
            if name.startswith("ApproximateNumberOfMessages")
        )

    def posted(self) -> int:
        with self.cluster.session("postgres") as session:
            return balance(session, ALICE) // 100

    def renewals(self) -> int:
        """The number of renewals of all messages together."""
        pages = self.aws.logs.get_paginator("filter_log_events").paginate(
            logGroupName=GROUP, filterPattern='"messages renewed"'
        )
        lines = [event["message"] for page in pages for event in page["events"]]
        return sum(int(json.loads(line)["messages"]) for line in lines)

    def breaker(self) -> dict[str, Any]:
        item = self.aws.dynamodb.get_item(TableName=TABLE, Key={"breaker": {"S": "ledger"}})
        return {name: int(value.get("N", 0)) for name, value in item.get("Item", {}).items()}


def asset() -> bytes:
    """The deployed code without its packages: those of this interpreter are the same."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for target, path in PROCESSOR_SOURCE.files().items():
            archive.write(path, target.as_posix())
    return content.getvalue()


def deploy(aws: AwsClients, *, port: int, ca_file: Path) -> tuple[str, str]:
    """The URLs of the queue and its dead letters."""
    dead_letters = aws.sqs.create_queue(QueueName="transaction-dead-letters-dev")["QueueUrl"]
    redrive = {
        "deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:transaction-dead-letters-dev",
        "maxReceiveCount": RECEIVES_MAX,
    }
    queue = aws.sqs.create_queue(
        QueueName="transaction-queue-dev",
        Attributes={"VisibilityTimeout": "180", "RedrivePolicy": json.dumps(redrive)},
    )["QueueUrl"]
    aws.dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "breaker", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "breaker", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    aws.events.create_event_bus(Name=BUS)
    secret = aws.secretsmanager.create_secret(
        Name="processor",
        SecretString=json.dumps({"username": MASTER.username, "password": MASTER.password}),
    )
    settings = TransactionProcessorSettings(
        database_secret_arn=secret["ARN"],
        database_writer_host=WRITER,
        database_reader_host=WRITER,
        database_port=port,
        database_name="postgres",
        database_ca_file=str(ca_file),
        dead_letter_queue_url=dead_letters,
        transaction_queue_url=queue,
        receives_max=RECEIVES_MAX,
        outcome_bus_name=BUS,
        breaker_table_name=TABLE,
        breaker_failures_max=3,
        breaker_pause_first_seconds=1,
        breaker_pause_max_seconds=1,
        processor_role_id="AROAPROCESSOR",
        environment_suffix="dev",
    )
    aws.lambda_.create_function(
        FunctionName=FUNCTION,
        Runtime=cast("RuntimeType", lambda_runtime(deployed_python()).name),
        Handler=PROCESSOR_SOURCE.handler,
        Role=f"arn:aws:iam::{ACCOUNT}:role/any",
        Code={"ZipFile": asset()},
        Timeout=30,
        Environment={"Variables": settings.to_env()},
    )
    aws.lambda_.create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:transaction-queue-dev",
        FunctionName=FUNCTION,
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 5},
    )
    return queue, dead_letters


@pytest.fixture
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("outage")
    authority = LocalAuthority(folder / "authority")
    port = free_port(WRITER)
    database = PostgresServer(
        data_dir=folder / "data",
        address=WRITER,
        port=port,
        password=MASTER.password,
        certificate=authority.issue(name="writer", addresses=[WRITER]),
        settings={"fsync": "off", "log_min_messages": "fatal"},
    )
    database.initialize()
    database.start()
    cluster = Cluster(
        port=port, ca_file=authority.certificate_file, other_ca_file=authority.certificate_file
    )
    with cluster.session("postgres") as master:
        migrations = read_migrations(ASSET_ROOT / "app_service" / "migrations")
        apply_migrations(master, migrations, run_outside=cluster.run_outside("postgres"))
        open_accounts(master)
    paths = CloudPaths(folder / "state")
    aws = AwsClients(start_cloud(paths).endpoint_url)
    queue, dead_letters = deploy(aws, port=port, ca_file=authority.certificate_file)
    yield Deployed(
        aws=aws,
        database=database,
        cluster=cluster,
        queue_url=queue,
        dead_letters_url=dead_letters,
    )
    stop_cloud(paths)
    database.stop()


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.25)


def test_s42_however_long_the_database_is_away_every_message_is_posted_once(
    deployed: Deployed,
) -> None:
    deployed.send(3)
    eventually(lambda: deployed.posted() == 3, "posted before the outage")

    deployed.database.stop()
    deployed.send(20)
    # Until on average each was received more often than its queue allows.
    eventually(
        lambda: (
            deployed.renewals() > 20 * (RECEIVES_MAX + 1)
            or deployed.in_queue(deployed.dead_letters_url) > 0
        ),
        "messages are renewed",
    )
    assert deployed.in_queue(deployed.dead_letters_url) == 0
    assert deployed.breaker()["pause_seconds"] == 1

    deployed.database.start()
    eventually(lambda: deployed.posted() == 23, "posted after the outage")
    eventually(lambda: deployed.in_queue(deployed.queue_url) == 0, "the queue is empty")
    assert deployed.posted() == 23
    assert deployed.in_queue(deployed.dead_letters_url) == 0
    assert deployed.breaker()["pause_seconds"] == 0
