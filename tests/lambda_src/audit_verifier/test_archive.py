"""The bucket is read version by version; what S3 does not answer is no finding."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import FlexibleChecksumError
from botocore.response import StreamingBody

from lambda_src.audit_verifier.archive import ArchiveUnreadable, ObjectVersion, S3Archive
from tests.aws_stubs import type_of_aws, unreachable

MOMENT = datetime(2026, 11, 26, tzinfo=UTC)
VERSION = ObjectVersion(key="audit/a", version_id="v", is_marker=False, size=1, modified_at=MOMENT)
GET = {"Bucket": "audit-dev", "Key": "audit/a", "VersionId": "v", "ChecksumMode": "ENABLED"}


def archive(s3: Any) -> S3Archive:
    return S3Archive(s3=s3, bucket_name="audit-dev")


def version(key: str, seconds: int) -> dict[str, Any]:
    return {
        "Key": key,
        "VersionId": str(seconds),
        "LastModified": MOMENT + timedelta(seconds=seconds),
    }


def test_versions_and_markers_of_all_pages_come_by_key_the_newest_first(aws: type_of_aws) -> None:
    s3, stub = aws("s3")
    request = {"Bucket": "audit-dev", "Prefix": "audit/", "KeyMarker": "audit/2026/"}
    page: dict[str, Any] = {
        "IsTruncated": True,
        "NextKeyMarker": "audit/b",
        "NextVersionIdMarker": "3",
        "Versions": [
            {**version("audit/a", 1), "Size": 1},
            {**version("audit/b", 3), "Size": 1},
        ],
        "DeleteMarkers": [version("audit/a", 2)],
    }
    stub.add_response("list_object_versions", page, request)
    more = request | {"KeyMarker": "audit/b", "VersionIdMarker": "3"}
    last = {"IsTruncated": False, "Versions": [{**version("audit/c", 4), "Size": 1}]}
    stub.add_response("list_object_versions", last, more)
    found = archive(s3).versions(prefix="audit/", after="audit/2026/")
    assert [(each.key, each.version_id, each.is_marker) for each in found] == [
        ("audit/a", "2", True),
        ("audit/a", "1", False),
        ("audit/b", "3", False),
        ("audit/c", "4", False),
    ]


def test_an_object_is_read_with_its_metadata(aws: type_of_aws) -> None:
    s3, stub = aws("s3")
    answer = {"Body": StreamingBody(io.BytesIO(b"x"), 1), "Metadata": {"chain-number": "1"}}
    stub.add_response("get_object", answer, GET)
    stored = archive(s3).read(VERSION)
    assert stored is not None
    assert (stored.content, stored.metadata, stored.is_intact) == (
        b"x",
        {"chain-number": "1"},
        True,
    )


def test_content_with_another_checksum_is_not_intact(aws: type_of_aws) -> None:
    class Damaged(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise FlexibleChecksumError(error_msg="other checksum")

    s3, stub = aws("s3")
    answer = {"Body": StreamingBody(Damaged(), 1), "Metadata": {}}
    stub.add_response("get_object", answer, GET)
    stored = archive(s3).read(VERSION)
    assert stored is not None
    assert not stored.is_intact


def test_an_object_that_is_gone_meanwhile_is_none(aws: type_of_aws) -> None:
    s3, stub = aws("s3")
    stub.add_client_error("get_object", "NoSuchVersion", http_status_code=404)
    assert archive(s3).read(VERSION) is None


def test_without_an_answer_nothing_is_known(aws: type_of_aws) -> None:
    s3, stub = aws("s3")
    stub.add_client_error("get_object", "AccessDenied", http_status_code=403)
    for client in (s3, unreachable):
        with pytest.raises(ArchiveUnreadable, match="s3://audit-dev/audit/a"):
            archive(client).read(VERSION)
    with pytest.raises(ArchiveUnreadable, match="s3://audit-dev/audit/"):
        list(archive(unreachable).versions(prefix="audit/", after=""))
