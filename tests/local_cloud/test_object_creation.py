"""S23: a record of the audit trail cannot be overwritten in the local cloud, as on AWS."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.config import EPHEMERAL
from infra.naming import EnvironmentSuffix
from local_cloud.aws import ACCOUNT
from tests.account import Account
from tests.infra.templates import Synthesized

SUFFIX = "written-once"
BUCKET = f"transaction-audit-{ACCOUNT}-{SUFFIX}"
KEY = "audit/2026/01/01/batch one+two.ndjson.gz"


@pytest.fixture(scope="module")
def s3(account: Account) -> Any:
    """A client; the audit bucket of an environment exists with its policy."""
    template = Synthesized.environment(EPHEMERAL, suffix=EnvironmentSuffix(SUFFIX))
    (bucket_id,) = (
        name for name in template.all("AWS::S3::Bucket") if name.startswith("AuditStore")
    )
    policy = template.one("AWS::S3::BucketPolicy", Bucket={"Ref": bucket_id})
    (clean_up,) = (r for r in template.all("AWS::IAM::Role") if "AutoDeleteObjects" in r)
    account.deploy(
        f"transaction-{SUFFIX}",
        tags={},
        resources={
            bucket_id: {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}},
            clean_up: template.resources[clean_up],
            "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": policy},
        },
    )
    return account.client("s3")


def code_of(call: Callable[..., Any], **request: Any) -> str:
    try:
        call(Bucket=BUCKET, **request)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


def test_s23_a_record_is_written_once_and_never_overwritten(s3: Any) -> None:
    assert code_of(s3.put_object, Key=KEY, Body=b"first", IfNoneMatch="*") == "done"

    assert code_of(s3.put_object, Key=KEY, Body=b"second", IfNoneMatch="*") == "PreconditionFailed"
    assert code_of(s3.put_object, Key=KEY, Body=b"second") == "AccessDenied"
    copy = f"{BUCKET}/{KEY}"
    assert code_of(s3.copy_object, Key=KEY, CopySource=copy) == "AccessDenied"
    assert s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == b"first"


def test_s23_not_even_a_new_record_is_written_without_the_condition(s3: Any) -> None:
    """Two writers could otherwise race."""
    assert code_of(s3.put_object, Key="audit/new.gz", Body=b"x" * 100_000) == "AccessDenied"


def test_s23_an_upload_in_parts_is_completed_only_with_the_condition(s3: Any) -> None:
    key = "audit/large.gz"
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=1, Body=b"large")
    request = {
        "Key": key,
        "UploadId": upload,
        "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    }

    assert code_of(s3.complete_multipart_upload, **request) == "AccessDenied"
    assert code_of(s3.complete_multipart_upload, IfNoneMatch="*", **request) == "done"


def test_other_objects_and_buckets_are_written_as_before(s3: Any) -> None:
    assert code_of(s3.put_object, Key="beside-the-records", Body=b"x") == "done"
    assert code_of(s3.put_object_tagging, Key=KEY, Tagging={"TagSet": []}) == "done"
    s3.create_bucket(Bucket="another-bucket")
    s3.put_object(Bucket="another-bucket", Key=KEY, Body=b"x")
