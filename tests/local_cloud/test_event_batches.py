"""S52: a function of the local cloud receives batches of its queue as large as in Lambda."""

import io
import time
import zipfile
from itertools import chain

import pytest

from infra.python_version import deployed_python
from local_cloud.aws import ACCOUNT, REGION, AwsClients
from local_cloud.emulator.ministack_adapter.event_batches import EVENT_BYTES_MAX

# Not in log lines: MiniStack stores those that come late only with the next call.
PROGRAM = """
import boto3
s3 = boto3.client("s3")
def handler(event, context):
    first, *_ = event["Records"]
    sizes = " ".join(str(len(record["body"])) for record in event["Records"])
    bucket = first["eventSourceARN"].rpartition(":")[2]
    s3.put_object(Bucket=bucket, Key=first["messageId"], Body=sizes.encode())
"""


@pytest.mark.parametrize(
    ("name", "bodies", "batch_size", "first_batch"),
    [
        ("many", [10] * 25, 20, 20),
        ("large", [1_000_000] * 9, 30, 6),
    ],
)
def test_s52_a_batch_is_waited_for_and_fits_in_an_event(
    shared_aws: AwsClients, name: str, bodies: list[int], batch_size: int, first_batch: int
) -> None:
    queue = shared_aws.sqs.create_queue(QueueName=f"batches-{name}")["QueueUrl"]
    shared_aws.s3.create_bucket(Bucket=f"batches-{name}")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("example.py", PROGRAM)
    shared_aws.lambda_.create_function(
        FunctionName=f"batches-{name}",
        Runtime=f"python{deployed_python()}",  # type: ignore[arg-type]  # one of Lambda's own
        Handler="example.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/any",
        Code={"ZipFile": code.getvalue()},
    )
    mapping = shared_aws.lambda_.create_event_source_mapping(
        FunctionName=f"batches-{name}",
        EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:batches-{name}",
        BatchSize=batch_size,
        MaximumBatchingWindowInSeconds=300,  # longer than the messages are being sent
    )
    for size in bodies:
        shared_aws.sqs.send_message(QueueUrl=queue, MessageBody="x" * size)

    first = wait_for_bodies(shared_aws, f"batches-{name}", count=1)
    assert list(map(len, first)) == [first_batch]
    # The others fill no batch: they come when the window is over.
    shared_aws.lambda_.update_event_source_mapping(
        UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=0
    )
    received = wait_for_bodies(shared_aws, f"batches-{name}", count=len(bodies))

    assert sorted(chain.from_iterable(received)) == bodies
    assert max(map(len, received)) == first_batch
    assert all(sum(batch) < EVENT_BYTES_MAX for batch in received)


def wait_for_bodies(aws: AwsClients, bucket: str, *, count: int) -> list[list[int]]:
    """The sizes of the bodies of each batch."""
    received: list[list[int]] = []
    while sum(map(len, received)) < count:
        time.sleep(0.2)
        keys = [each["Key"] for each in aws.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        batches = [aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
        received = [[int(size) for size in batch.split()] for batch in batches]
    return received
