"""A disk that is full: S3 refuses the object, and what was acknowledged before stays as it was.

The limit of a process for the size of its files stands for the full disk: larger writes fail.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_cloud.aws import AwsClients
from local_cloud.emulator.ministack_adapter.object_files import undo_unfinished
from local_cloud.paths import CloudPaths
from local_cloud.saved_state import StateError
from local_cloud.server import RunningCloud, running_cloud, start_cloud, stop_cloud

BUCKET = "kept"
LIMIT_BYTES = 200_000
SMALL, LARGE = b"small", b"x" * 6_000_000


class Cloud:
    def __init__(self, paths: CloudPaths) -> None:
        self.paths = paths
        self.aws = AwsClients(start_cloud(paths, port=0).endpoint_url)
        # Without attempts by itself: a test sees each answer.
        self.s3: Any = boto3.client(
            "s3",
            endpoint_url=self.aws.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def _running(self) -> RunningCloud:
        running = running_cloud(self.paths)
        assert running is not None
        return running

    def fill_disk(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit(limit_bytes)

    def make_room(self) -> None:
        self._limit(psutil.RLIM_INFINITY)

    def _limit(self, bytes_: int) -> None:
        server = psutil.Process(self._running().pid)
        server.rlimit(psutil.RLIMIT_FSIZE, (bytes_, psutil.RLIM_INFINITY))

    def kill_and_start(self) -> None:
        server = psutil.Process(self._running().pid)
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        start_cloud(self.paths)

    def contents(self) -> dict[str, bytes]:
        found = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {each["Key"]: self.content(each["Key"]) for each in found}

    def content(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    paths = CloudPaths(tmp_path_factory.mktemp("cloud"))
    try:
        yield Cloud(paths)
    finally:
        stop_cloud(paths)


@pytest.fixture(autouse=True)
def _room_for_the_next_test(cloud: Cloud) -> Iterator[None]:
    yield
    cloud.make_room()


@pytest.fixture(params=["Enabled", None])
def versioning(cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[str | None]:
    """An empty bucket with or without versions."""
    cloud.s3.create_bucket(Bucket=BUCKET)
    if request.param:
        cloud.s3.put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": request.param}
        )
    yield request.param
    cloud.make_room()
    bucket = boto3.resource(
        "s3",
        endpoint_url=cloud.aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ).Bucket(BUCKET)
    bucket.object_versions.delete()
    bucket.objects.delete()
    bucket.delete()


def is_refused(request: Callable[..., Any], **parameters: Any) -> bool:
    with pytest.raises(ClientError) as refused:
        request(Bucket=BUCKET, **parameters)
    answer = refused.value.response
    assert "Make room" in answer["Error"]["Message"]
    return bool(answer["ResponseMetadata"]["HTTPStatusCode"] == 503)


def versions(cloud: Cloud) -> list[Any]:
    found = cloud.s3.list_object_versions(Bucket=BUCKET)
    return [found.get("Versions", []), found.get("DeleteMarkers", [])]


def test_an_object_that_cannot_be_written_is_refused_and_not_there(
    cloud: Cloud, versioning: str | None
) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="first", Body=SMALL)
    cloud.fill_disk()

    assert is_refused(cloud.s3.put_object, Key="second", Body=LARGE, Tagging="a=b")

    assert cloud.contents() == {"first": SMALL}
    cloud.kill_and_start()
    assert cloud.contents() == {"first": SMALL}
    cloud.s3.put_object(Bucket=BUCKET, Key="second", Body=LARGE, IfNoneMatch="*")
    cloud.kill_and_start()
    assert cloud.contents() == {"first": SMALL, "second": LARGE}


@pytest.mark.parametrize(
    ("new", "limit_bytes"),
    [
        pytest.param(LARGE, LIMIT_BYTES, id="nothing fits"),
        pytest.param(b"other", 200, id="only the metadata do not fit"),
    ],
)
def test_an_object_that_cannot_be_replaced_stays_as_it_was(
    cloud: Cloud, versioning: str | None, new: bytes, limit_bytes: int
) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="one", Body=SMALL, Tagging="kind=old")
    before = versions(cloud)
    cloud.fill_disk(limit_bytes)

    assert is_refused(cloud.s3.put_object, Key="one", Body=new, Tagging="kind=new")

    def is_as_before() -> None:
        assert cloud.content("one") == SMALL
        assert versions(cloud) == before
        tags = cloud.s3.get_object_tagging(Bucket=BUCKET, Key="one")["TagSet"]
        assert tags == [{"Key": "kind", "Value": "old"}]

    is_as_before()
    cloud.kill_and_start()
    is_as_before()


@pytest.mark.parametrize("versioning", ["Enabled"], indirect=True)
def test_an_older_version_that_cannot_be_written_is_not_lost(
    cloud: Cloud, versioning: str | None
) -> None:
    """A replacement and a deletion keep what they hide: as a file of its own."""
    cloud.s3.put_object(Bucket=BUCKET, Key="one", Body=LARGE)
    before = versions(cloud)
    cloud.fill_disk()

    assert is_refused(cloud.s3.put_object, Key="one", Body=SMALL)
    assert is_refused(cloud.s3.delete_object, Key="one")
    assert is_refused(cloud.s3.delete_objects, Delete={"Objects": [{"Key": "one"}]})

    assert versions(cloud) == before
    cloud.kill_and_start()
    assert versions(cloud) == before
    assert cloud.content("one") == LARGE


def test_an_upload_in_parts_can_be_completed_when_there_is_room(cloud: Cloud) -> None:
    cloud.s3.create_bucket(Bucket="parts")
    place: Any = {"Bucket": "parts", "Key": "large"}
    upload = cloud.s3.create_multipart_upload(**place)["UploadId"]
    part = cloud.s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=LARGE)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    cloud.fill_disk()

    with pytest.raises(ClientError, match="Make room"):
        cloud.s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts)
    cloud.make_room()
    cloud.s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts)

    assert cloud.s3.get_object(**place)["Body"].read() == LARGE


def test_no_event_is_sent_of_an_object_that_was_refused(cloud: Cloud) -> None:
    queue = cloud.aws.sqs.create_queue(QueueName="events")["QueueUrl"]
    (arn,) = cloud.aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])[
        "Attributes"
    ].values()
    cloud.s3.create_bucket(Bucket="noticed")
    cloud.s3.put_bucket_notification_configuration(
        Bucket="noticed",
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    cloud.fill_disk()
    with pytest.raises(ClientError, match="Make room"):
        cloud.s3.put_object(Bucket="noticed", Key="refused", Body=LARGE)
    cloud.s3.put_object(Bucket="noticed", Key="accepted", Body=SMALL)

    bodies = ""
    deadline = time.monotonic() + 60
    while "accepted" not in bodies:
        assert time.monotonic() < deadline
        received = cloud.aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)
        bodies += "".join(message["Body"] for message in received.get("Messages", []))
    assert "refused" not in bodies


def test_a_copy_that_cannot_be_written_is_refused(cloud: Cloud, versioning: str | None) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="from", Body=LARGE)
    cloud.s3.put_object(Bucket=BUCKET, Key="to", Body=SMALL)
    cloud.fill_disk()

    source = {"Bucket": BUCKET, "Key": "from"}
    assert is_refused(cloud.s3.copy_object, Key="to", CopySource=source)

    cloud.kill_and_start()
    assert cloud.contents() == {"from": LARGE, "to": SMALL}


def test_tags_that_cannot_be_written_are_refused(cloud: Cloud, versioning: str | None) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="one", Body=SMALL, Tagging="kind=old")
    cloud.fill_disk(limit_bytes=0)

    new = {"TagSet": [{"Key": "kind", "Value": "new"}]}
    assert is_refused(cloud.s3.put_object_tagging, Key="one", Tagging=new)
    assert is_refused(cloud.s3.delete_object_tagging, Key="one")

    cloud.kill_and_start()
    tags = cloud.s3.get_object_tagging(Bucket=BUCKET, Key="one")["TagSet"]
    assert tags == [{"Key": "kind", "Value": "old"}]


@pytest.mark.parametrize("versioning", ["Enabled"], indirect=True)
def test_a_version_whose_deletion_cannot_be_written_stays(
    cloud: Cloud, versioning: str | None
) -> None:
    for body in (LARGE, SMALL):
        cloud.s3.put_object(Bucket=BUCKET, Key="one", Body=body)
    [[newest, older], _] = before = versions(cloud)
    cloud.fill_disk(limit_bytes=0)

    for version in (newest, older):
        assert is_refused(cloud.s3.delete_object, Key="one", VersionId=version["VersionId"])

    cloud.kill_and_start()
    assert versions(cloud) == before
    place = {"Bucket": BUCKET, "Key": "one"}
    for version, body in ((newest, SMALL), (older, LARGE)):
        found = cloud.s3.get_object(**place, VersionId=version["VersionId"])
        assert found["Body"].read() == body
    cloud.s3.delete_object(**place, VersionId=newest["VersionId"])
    cloud.kill_and_start()
    assert cloud.contents() == {"one": LARGE}


@pytest.mark.parametrize("versioning", ["Enabled"], indirect=True)
def test_versions_of_one_request_do_not_get_the_contents_of_each_other(
    cloud: Cloud, versioning: str | None
) -> None:
    """The newest version is deleted, and the one below it is hidden, in one request."""
    for body in (b"first", b"second", b"third"):
        cloud.s3.put_object(Bucket=BUCKET, Key="one", Body=body)
    [[newest, *_], _] = versions(cloud)
    newest_first = [{"Key": "one", "VersionId": newest["VersionId"]}, {"Key": "one"}]

    cloud.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": newest_first})

    cloud.kill_and_start()
    place = {"Bucket": BUCKET, "Key": "one"}
    bodies = [
        cloud.s3.get_object(**place, VersionId=version["VersionId"])["Body"].read()
        for version in versions(cloud)[0]
    ]
    assert bodies == [b"second", b"first"]


def test_a_damaged_note_of_a_killed_server_is_named_with_what_to_do(
    tmp_path: Path,
) -> None:
    note = tmp_path / "objects.changes"
    note.write_text("damaged\n")
    with pytest.raises(StateError, match=r"objects\.changes is damaged: .* Delete it"):
        undo_unfinished(note)
