"""S42, end to end: after a long outage of the database no message is a dead letter.

PostgreSQL is stopped and started. Pauses take a second.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from infra.processors import PROCESSOR_SOURCE
from lambda_src.schema_migrator.migrations import apply_migrations, read_migrations
from lambda_src.shared.database import ASSET_ROOT
from lambda_src.transaction_processor.settings import TransactionProcessorSettings
from local_cloud.addresses import free_port
from local_cloud.aws import AwsClients
from local_cloud.certificates import LocalAuthority
from local_cloud.paths import CloudPaths
from local_cloud.postgres import PostgresServer
from local_cloud.server import start_cloud, stop_cloud
from tests.lambda_src.cluster import MASTER, WRITER, Cluster
from tests.lambda_src.deployed_queue import (
    BREAKER_TABLE,
    RECEIVES_MAX,
    DeployedQueue,
    eventually,
)
from tests.lambda_src.submissions import ALICE, balance, body_of, open_accounts, transaction

BUS = "outcomes-dev"


@dataclass(kw_only=True)
class Deployed:
    """The queue with its processor, and their database."""

    queue: DeployedQueue
    database: PostgresServer
    cluster: Cluster
    sent: list[int] = field(default_factory=list)

    def send(self, count: int) -> None:
        for _ in range(count):
            number = len(self.sent) + 1
            self.sent.append(number)
            self.queue.aws.sqs.send_message(
                QueueUrl=self.queue.url, MessageBody=body_of(transaction(number))
            )

    def posted(self) -> int:
        with self.cluster.session("postgres") as session:
            return balance(session, ALICE) // 100


def deploy(aws: AwsClients, cluster: Cluster) -> DeployedQueue:
    queue = DeployedQueue.create(aws, kind="transaction", function="transaction-processor-dev")
    aws.events.create_event_bus(Name=BUS)
    secret = aws.secretsmanager.create_secret(
        Name="processor",
        SecretString=json.dumps({"username": MASTER.username, "password": MASTER.password}),
    )
    settings = TransactionProcessorSettings(
        database_secret_arn=secret["ARN"],
        database_writer_host=WRITER,
        database_reader_host=WRITER,
        database_port=cluster.port,
        database_name="postgres",
        database_ca_file=str(cluster.ca_file),
        dead_letter_queue_url=queue.dead_letters_url,
        transaction_queue_url=queue.url,
        receives_max=RECEIVES_MAX,
        outcome_bus_name=BUS,
        breaker_table_name=BREAKER_TABLE,
        breaker_failures_max=3,
        breaker_pause_first_seconds=1,
        breaker_pause_max_seconds=1,
        processor_role_id="AROAPROCESSOR",
        environment_suffix="dev",
    )
    queue.connect(PROCESSOR_SOURCE, variables=settings.to_env(), batch_size=10)
    return queue


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
    queue = deploy(AwsClients(start_cloud(paths).endpoint_url), cluster)
    yield Deployed(queue=queue, database=database, cluster=cluster)
    stop_cloud(paths)
    database.stop()


def test_s42_however_long_the_database_is_away_every_message_is_posted_once(
    deployed: Deployed,
) -> None:
    queue = deployed.queue
    deployed.send(3)
    eventually(lambda: deployed.posted() == 3, "posted before the outage")

    deployed.database.stop()
    deployed.send(20)
    # Until on average each was received more often than its queue allows.
    eventually(
        lambda: queue.renewals > 20 * (RECEIVES_MAX + 1) or queue.dead > 0, "messages are renewed"
    )
    assert queue.dead == 0
    assert queue.breaker("ledger")["pause_seconds"] == 1

    deployed.database.start()
    eventually(lambda: deployed.posted() == 23, "posted after the outage")
    eventually(lambda: queue.waiting == 0, "the queue is empty")
    assert deployed.posted() == 23
    assert queue.dead == 0
    assert queue.breaker("ledger")["pause_seconds"] == 0
