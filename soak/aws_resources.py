"""What of an environment the code under test calls in AWS: queues, tables, bucket, secret."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lambda_src.shared.audit_objects import AUDIT_PREFIX
from lambda_src.transaction_processor.settings import SOURCE
from local_cloud.aws import ACCOUNT, REGION, AwsClients
from local_cloud.paths import CloudPaths
from local_cloud.server import start_cloud, stop_cloud
from soak.database import PROCESSOR_LOGIN

SUFFIX: Final = "soak"
BUCKET: Final = f"transaction-audit-{ACCOUNT}-{SUFFIX}"
BREAKER_TABLE: Final = f"transaction-breaker-{SUFFIX}"
SESSION_TABLE: Final = f"transaction-sessions-{SUFFIX}"
OUTCOME_BUS: Final = f"outcomes-{SUFFIX}"
OUTCOME_QUEUE: Final = f"outcome-subscriber-{SUFFIX}"
CLIENT_TABLE: Final = f"transaction-clients-{SUFFIX}"
# An environment has 10 receives and 180 s. Here a lost answer hides a message for a shorter time,
# and a message that stays comes back at once: a minute of the soak is an hour of an outage.
RECEIVES_MAX: Final = 10
VISIBILITY_SECONDS: Final = 20


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue and its dead letters, by their names."""

    kind: str

    @property
    def name(self) -> str:
        return f"{self.kind}-queue-{SUFFIX}"

    @property
    def dead_letters(self) -> str:
        return f"{self.kind}-dead-letters-{SUFFIX}"


TRANSACTION_QUEUE: Final = Queue(kind="transaction")
AUDIT_QUEUE: Final = Queue(kind="audit")


def queue_url(name: str, *, port: int) -> str:
    """Through the proxy or the emulator that listens on `port`."""
    return f"http://127.0.0.1:{port}/{ACCOUNT}/{name}"


@dataclass(frozen=True, kw_only=True)
class Emulator:
    port: int
    aws: AwsClients  # past the proxy
    processor_secret_arn: str


@contextmanager
def emulator(folder: Path) -> Iterator[Emulator]:
    """An emulator of its own on a free port, with the resources."""
    paths = CloudPaths(folder)
    running = start_cloud(paths, port=0)
    try:
        aws = AwsClients(running.endpoint_url)
        for queue in (TRANSACTION_QUEUE, AUDIT_QUEUE):
            _create_queue(aws, queue)
        _create_tables(aws)
        _create_bucket(aws)
        _create_bus(aws)
        secret = aws.secretsmanager.create_secret(
            Name="processor",
            SecretString=json.dumps(
                {"username": PROCESSOR_LOGIN.username, "password": PROCESSOR_LOGIN.password}
            ),
        )
        yield Emulator(port=running.port, aws=aws, processor_secret_arn=secret["ARN"])
    finally:
        stop_cloud(paths)


def _create_queue(aws: AwsClients, queue: Queue) -> None:
    aws.sqs.create_queue(QueueName=queue.dead_letters)
    redrive = {
        "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.dead_letters}",
        "maxReceiveCount": RECEIVES_MAX,
    }
    aws.sqs.create_queue(
        QueueName=queue.name,
        Attributes={
            "VisibilityTimeout": str(VISIBILITY_SECONDS),
            "RedrivePolicy": json.dumps(redrive),
        },
    )


def _create_tables(aws: AwsClients) -> None:
    for table, key, sort_key in (
        (BREAKER_TABLE, "breaker", None),
        (SESSION_TABLE, "token_hash", None),
        (CLIENT_TABLE, "client_id", "credential_id"),
    ):
        keys = {key: "HASH"} | ({sort_key: "RANGE"} if sort_key else {})
        schema: list[dict[str, str]] = [
            {"AttributeName": name, "KeyType": kind} for name, kind in keys.items()
        ]
        aws.client("dynamodb").create_table(
            TableName=table,
            KeySchema=schema,
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in keys],
            BillingMode="PAY_PER_REQUEST",
        )


def _create_bus(aws: AwsClients) -> None:
    """With a subscriber: a queue that gets every event."""
    aws.sqs.create_queue(QueueName=OUTCOME_QUEUE)
    aws.events.create_event_bus(Name=OUTCOME_BUS)
    pattern = json.dumps({"source": [SOURCE]})
    aws.events.put_rule(Name="subscriber", EventBusName=OUTCOME_BUS, EventPattern=pattern)
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{OUTCOME_QUEUE}"
    aws.events.put_targets(
        Rule="subscriber", EventBusName=OUTCOME_BUS, Targets=[{"Id": "queue", "Arn": arn}]
    )


def _create_bucket(aws: AwsClients) -> None:
    aws.s3.create_bucket(Bucket=BUCKET)
    aws.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    written_once = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/{AUDIT_PREFIX}*",
        "Condition": {
            "Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"},
        },
    }
    policy = {"Version": "2012-10-17", "Statement": [written_once]}
    aws.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
