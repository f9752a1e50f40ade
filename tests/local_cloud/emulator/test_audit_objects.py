"""The audit bucket here does what the audit writer and Object Lock need of S3."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_src.audit_writer.archive import ObjectDiffers, S3Archive
from lambda_src.audit_writer.refusals import ObjectRefused
from tests.local_cloud.emulator.deployed import Deployed

BUCKET = "audit-objects"
CONTENT = gzip.compress(b'{"amount_minor":1}\n', mtime=0)
CHAIN = {"chain-number": "1", "chain-hash": "ab" * 32}
LOCKED = {
    "Type": "AWS::S3::Bucket",
    "DeletionPolicy": "RetainExceptOnCreate",
    "Properties": {
        "BucketName": "audit-locked",
        "VersioningConfiguration": {"Status": "Enabled"},
        "ObjectLockEnabled": True,
        "ObjectLockConfiguration": {
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 365}},
        },
    },
}


@pytest.fixture
def archive(deployed: Deployed) -> S3Archive:
    s3 = deployed.aws.s3
    s3.create_bucket(Bucket=BUCKET)
    return S3Archive(s3=s3, bucket_name=BUCKET, pause_up_to=lambda _: None)


def test_a_second_delivery_is_compared_with_what_s3_has_verified(
    deployed: Deployed, archive: S3Archive
) -> None:
    assert archive.store("audit/a", CONTENT, CHAIN)
    assert not archive.store("audit/a", CONTENT, CHAIN)
    archive.compare("audit/a", CONTENT, CHAIN)
    head = deployed.aws.s3.head_object(Bucket=BUCKET, Key="audit/a", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"]
    assert head["Metadata"] == CHAIN
    with pytest.raises(ObjectDiffers, match="other metadata"):
        archive.compare("audit/a", CONTENT, CHAIN | {"chain-number": "2"})
    with pytest.raises(ObjectDiffers, match="another record"):
        archive.compare("audit/a", gzip.compress(b'{"amount_minor":2}\n', mtime=0), CHAIN)


def test_an_object_of_an_earlier_version_is_compared_by_its_records(
    deployed: Deployed, archive: S3Archive
) -> None:
    deployed.aws.s3.put_object(Bucket=BUCKET, Key="audit/b", Body=CONTENT)
    assert not archive.store("audit/b", CONTENT, {})
    archive.compare("audit/b", CONTENT, {})
    with pytest.raises(ObjectDiffers, match="another record"):
        archive.compare("audit/b", gzip.compress(b'{"amount_minor":2}\n', mtime=0), {})


def test_bytes_that_change_on_the_way_are_not_stored(
    deployed: Deployed, archive: S3Archive
) -> None:
    def damage(request: Any, **_: object) -> None:
        request.data = CONTENT[:-1] + b"x"

    events = deployed.aws.s3.meta.events
    events.register("before-sign.s3.PutObject", damage)
    try:
        with pytest.raises(ObjectRefused, match="did not match"):
            archive.store("audit/c", CONTENT, {})
    finally:
        events.unregister("before-sign.s3.PutObject", damage)
    assert archive.store("audit/c", CONTENT, {})


@pytest.fixture
def locked(deployed: Deployed) -> str:
    stacks = deployed.aws.cloudformation
    stacks.create_stack(
        StackName="locked", TemplateBody=json.dumps({"Resources": {"Bucket": LOCKED}})
    )
    stacks.get_waiter("stack_create_complete").wait(StackName="locked", WaiterConfig={"Delay": 1})
    return "audit-locked"


def test_a_locked_record_stays_and_its_bucket_outlives_the_stack(
    deployed: Deployed, locked: str
) -> None:
    s3, stacks = deployed.aws.s3, deployed.aws.cloudformation
    version = s3.put_object(Bucket=locked, Key="audit/a", Body=CONTENT)["VersionId"]
    head = s3.head_object(Bucket=locked, Key="audit/a")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert head["ObjectLockRetainUntilDate"] > datetime.now(UTC) + timedelta(days=364)
    with pytest.raises(ClientError, match="object lock"):
        s3.delete_object(Bucket=locked, Key="audit/a", VersionId=version)

    stacks.delete_stack(StackName="locked")
    stacks.get_waiter("stack_delete_complete").wait(StackName="locked", WaiterConfig={"Delay": 1})
    assert s3.get_object(Bucket=locked, Key="audit/a")["Body"].read() == CONTENT
