"""S42, end to end: however long S3 is away, no batch is a dead letter.

S3 answers `NoSuchBucket` until the bucket is created. Pauses take a second.
"""

from collections.abc import Iterator

import pytest

from infra.processors import AUDIT_SOURCE
from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.audit_writer.settings import AuditWriterSettings
from lambda_src.shared.message_attributes import OWN_BYTES_MAX
from lambda_src.shared.queue_messages import SEND_BYTES_MAX
from local_cloud.aws import AwsClients
from local_cloud.paths import CloudPaths
from local_cloud.server import start_cloud, stop_cloud
from tests.lambda_src.audit_writer.test_writer import body
from tests.lambda_src.deployed_queue import (
    BREAKER_TABLE,
    RECEIVES_MAX,
    DeployedQueue,
    eventually,
)

BUCKET = "transaction-audit-dev"


@pytest.fixture
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedQueue]:
    paths = CloudPaths(tmp_path_factory.mktemp("archive-outage") / "state")
    aws = AwsClients(start_cloud(paths).endpoint_url)
    queue = DeployedQueue.create(aws, kind="audit", function="audit-writer-dev")
    settings = AuditWriterSettings(
        audit_bucket_name=BUCKET,
        audit_queue_url=queue.url,
        dead_letter_queue_url=queue.dead_letters_url,
        receives_max=RECEIVES_MAX,
        breaker_table_name=BREAKER_TABLE,
        breaker_failures_max=3,
        breaker_pause_first_seconds=1,
        breaker_pause_max_seconds=1,
        writer_role_id="AROAWRITER",
    )
    queue.connect(AUDIT_SOURCE, variables=settings.to_env(), batch_size=5)
    yield queue
    stop_cloud(paths)


def stored_keys(aws: AwsClients) -> list[str]:
    pages = aws.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return sorted(found["Key"] for page in pages for found in page.get("Contents", []))


def test_s42_however_long_s3_is_away_every_batch_is_stored_once(queue: DeployedQueue) -> None:
    # As large as a batch can be beside the attributes of its copies.
    large = [body(n).ljust(SEND_BYTES_MAX - OWN_BYTES_MAX) for n in range(1, 5)]
    small = [body(n) for n in range(5, 11)]
    for text in (*large, *small):
        queue.aws.sqs.send_message(QueueUrl=queue.url, MessageBody=text)
    # Until on average each was received more often than its queue allows.
    eventually(
        lambda: queue.renewals > 10 * (RECEIVES_MAX + 1) or queue.dead > 0, "batches are renewed"
    )
    assert queue.dead == 0
    assert queue.breaker("archive")["pause_seconds"] == 1
    assert queue.breaker("ledger") == {}

    queue.aws.s3.create_bucket(Bucket=BUCKET)
    eventually(lambda: queue.waiting == 0, "the queue is empty")
    assert stored_keys(queue.aws) == sorted(
        PostedBatch.parse(text).key for text in (*large, *small)
    )
    assert queue.dead == 0
    assert queue.breaker("archive")["pause_seconds"] == 0
