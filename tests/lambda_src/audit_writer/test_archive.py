"""S23: an object is written once and never replaced."""

from typing import Any

import pytest

from lambda_src.audit_writer.archive import ArchiveUnavailable, S3Archive
from lambda_src.audit_writer.refusals import ObjectRefused
from tests.aws_stubs import type_of_aws, unreachable

PUT = {
    "Bucket": "audit-dev",
    "Key": "audit/2026/11/21/b.ndjson.gz",
    "Body": b"content",
    "ContentType": "application/x-ndjson",
    "ContentEncoding": "gzip",
    "IfNoneMatch": "*",
}


@pytest.fixture
def pauses() -> list[float]:
    return []


def store(s3: Any, pauses: list[float]) -> bool:
    archive = S3Archive(s3=s3, bucket_name="audit-dev", pause_up_to=pauses.append)
    return archive.store("audit/2026/11/21/b.ndjson.gz", b"content")


def refuse(stub: Any, code: str, status: int) -> None:
    stub.add_client_error("put_object", code, http_status_code=status, expected_params=PUT)


def test_s23_an_object_is_only_written_where_there_is_none(
    aws: type_of_aws, pauses: list[float]
) -> None:
    s3, stub = aws("s3")
    stub.add_response("put_object", {"ETag": '"e"'}, PUT)
    assert store(s3, pauses)


def test_s23_an_existing_object_is_success(aws: type_of_aws, pauses: list[float]) -> None:
    s3, stub = aws("s3")
    refuse(stub, "PreconditionFailed", 412)
    assert not store(s3, pauses)


def test_s23_a_concurrent_write_is_waited_for(aws: type_of_aws, pauses: list[float]) -> None:
    s3, stub = aws("s3")
    refuse(stub, "ConditionalRequestConflict", 409)
    refuse(stub, "PreconditionFailed", 412)
    assert not store(s3, pauses)
    assert pauses == [0.5]


def test_retries_end(aws: type_of_aws, pauses: list[float]) -> None:
    s3, stub = aws("s3")
    for _ in range(3):
        refuse(stub, "ConditionalRequestConflict", 409)
    with pytest.raises(ArchiveUnavailable, match=r"b\.ndjson\.gz: .*ConditionalRequestConflict"):
        store(s3, pauses)


def test_another_refusal_is_not_success(aws: type_of_aws, pauses: list[float]) -> None:
    s3, stub = aws("s3")
    refuse(stub, "AccessDenied", 403)
    with pytest.raises(ArchiveUnavailable, match="AccessDenied"):
        store(s3, pauses)
    assert pauses == []


def test_s23_an_unreachable_archive_is_not_success(pauses: list[float]) -> None:
    with pytest.raises(ArchiveUnavailable, match="https://unreachable"):
        store(unreachable, pauses)


def test_s42_an_object_that_s3_does_not_take_is_no_outage(
    aws: type_of_aws, pauses: list[float]
) -> None:
    s3, stub = aws("s3")
    refuse(stub, "EntityTooLarge", 400)
    with pytest.raises(ObjectRefused, match="EntityTooLarge"):
        store(s3, pauses)
