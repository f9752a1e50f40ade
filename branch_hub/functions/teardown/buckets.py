"""Empties a bucket: every version and marker, and uploads that were never finished."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef


class NotEmptied(Exception):
    """S3 did not delete every object; the message names the bucket and the first reason."""


def empty_bucket(s3: "S3Client", bucket: str) -> Iterator[str]:
    """Needs `s3:ListBucketVersions`, `DeleteObjectVersion`, `DeleteObject`, `DeleteBucketPolicy`,
    `ListBucketMultipartUploads` and `AbortMultipartUpload`. Raises NotEmptied.
    """
    try:
        # The policy may deny deletion: the audit trail protects itself.
        s3.delete_bucket_policy(Bucket=bucket)
        count = sum(_delete(s3, bucket, objects) for objects in _versions(s3, bucket))
        _abort_uploads(s3, bucket)
    except s3.exceptions.NoSuchBucket:
        return
    yield f"{count} objects of bucket {bucket}"


def _versions(s3: "S3Client", bucket: str) -> Iterator[list["ObjectIdentifierTypeDef"]]:
    # A page holds at most as many as one call may delete.
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        yield [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]


def _delete(s3: "S3Client", bucket: str, objects: list["ObjectIdentifierTypeDef"]) -> int:
    if not objects:
        return 0
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    # The call succeeds even if some objects stay.
    if errors := answer.get("Errors", []):
        first = errors[0]
        raise NotEmptied(
            f"bucket {bucket}: {len(errors)} objects stay, the first is "
            f"{first.get('Key')}: {first.get('Message')}"
        )
    return len(objects)


def _abort_uploads(s3: "S3Client", bucket: str) -> None:
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
