"""S42, end to end: however long S3 is away, no batch is a dead letter.

The audit writer's asset runs in the local cloud as in Lambda, with an event source mapping from a
real queue that counts receives and redrives. S3 answers `NoSuchBucket` until the bucket is created.
Only the configuration shortens the time: pauses of a second, and a queue with few receives.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from infra.processors import AUDIT_SOURCE
from infra.python_version import deployed_python, lambda_runtime
from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.audit_writer.settings import AuditWriterSettings
from lambda_src.shared.message_attributes import OWN_BYTES_MAX
from lambda_src.shared.queue_messages import SEND_BYTES_MAX
from local_cloud.aws import ACCOUNT, AwsClients
from local_cloud.paths import CloudPaths
from local_cloud.server import start_cloud, stop_cloud
from tests.lambda_src.audit_writer.test_writer import body
from tests.lambda_src.test_outage import eventually

if TYPE_CHECKING:
    from mypy_boto3_lambda.literals import RuntimeType

RECEIVES_MAX = 3
FUNCTION = "audit-writer-dev"
TABLE = "transaction-breaker-dev"
BUCKET = "transaction-audit-dev"


@dataclass(kw_only=True)
class Deployed:
    aws: AwsClients
    queue_url: str
    dead_letters_url: str

    def in_queue(self, url: str) -> int:
        """The number of messages that are visible, in flight or delayed."""
        answer = self.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return sum(
            int(value)
            for name, value in answer["Attributes"].items()
            if name.startswith("ApproximateNumberOfMessages")
        )

    def renewals(self) -> int:
        pages = self.aws.logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{FUNCTION}", filterPattern='"messages renewed"'
        )
        lines = [event["message"] for page in pages for event in page["events"]]
        return sum(int(json.loads(line)["messages"]) for line in lines)

    def breaker(self, name: str) -> dict[str, Any]:
        item = self.aws.dynamodb.get_item(TableName=TABLE, Key={"breaker": {"S": name}})
        return {name: int(value.get("N", 0)) for name, value in item.get("Item", {}).items()}

    def keys(self) -> list[str]:
        pages = self.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]


def asset() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for target, path in AUDIT_SOURCE.files().items():
            archive.write(path, target.as_posix())
    return content.getvalue()


@pytest.fixture
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    paths = CloudPaths(tmp_path_factory.mktemp("archive-outage") / "state")
    aws = AwsClients(start_cloud(paths).endpoint_url)
    dead_letters = aws.sqs.create_queue(QueueName="audit-dead-letters-dev")["QueueUrl"]
    redrive = {
        "deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:audit-dead-letters-dev",
        "maxReceiveCount": RECEIVES_MAX,
    }
    queue = aws.sqs.create_queue(
        QueueName="audit-queue-dev",
        Attributes={"VisibilityTimeout": "180", "RedrivePolicy": json.dumps(redrive)},
    )["QueueUrl"]
    aws.dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "breaker", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "breaker", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    settings = AuditWriterSettings(
        audit_bucket_name=BUCKET,
        audit_queue_url=queue,
        dead_letter_queue_url=dead_letters,
        receives_max=RECEIVES_MAX,
        breaker_table_name=TABLE,
        breaker_failures_max=3,
        breaker_pause_first_seconds=1,
        breaker_pause_max_seconds=1,
        writer_role_id="AROAWRITER",
    )
    aws.logs.create_log_group(logGroupName=f"/aws/lambda/{FUNCTION}")
    aws.lambda_.create_function(
        FunctionName=FUNCTION,
        Runtime=cast("RuntimeType", lambda_runtime(deployed_python()).name),
        Handler=AUDIT_SOURCE.handler,
        Role=f"arn:aws:iam::{ACCOUNT}:role/any",
        Code={"ZipFile": asset()},
        Timeout=30,
        Environment={"Variables": settings.to_env()},
    )
    aws.lambda_.create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:audit-queue-dev",
        FunctionName=FUNCTION,
        BatchSize=5,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 5},
    )
    yield Deployed(aws=aws, queue_url=queue, dead_letters_url=dead_letters)
    stop_cloud(paths)


def test_s42_however_long_s3_is_away_every_batch_is_stored_once(deployed: Deployed) -> None:
    # As large as a batch can be beside the attributes of its copies.
    large = [body(n).ljust(SEND_BYTES_MAX - OWN_BYTES_MAX) for n in range(1, 5)]
    small = [body(n) for n in range(5, 11)]
    for text in (*large, *small):
        deployed.aws.sqs.send_message(QueueUrl=deployed.queue_url, MessageBody=text)
    # Until on average each was received more often than its queue allows.
    eventually(
        lambda: (
            deployed.renewals() > 10 * (RECEIVES_MAX + 1)
            or deployed.in_queue(deployed.dead_letters_url) > 0
        ),
        "batches are renewed",
    )
    assert deployed.in_queue(deployed.dead_letters_url) == 0
    assert deployed.breaker("archive")["pause_seconds"] == 1
    assert deployed.breaker("ledger") == {}

    deployed.aws.s3.create_bucket(Bucket=BUCKET)
    eventually(lambda: deployed.in_queue(deployed.queue_url) == 0, "the queue is empty")
    stored = [PostedBatch.parse(text).key for text in (*large, *small)]
    assert sorted(deployed.keys()) == sorted(stored)
    assert deployed.in_queue(deployed.dead_letters_url) == 0
    assert deployed.breaker("archive")["pause_seconds"] == 0
