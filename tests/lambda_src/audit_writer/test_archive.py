"""S23: an object is written once and never replaced."""

import base64
import gzip
import hashlib
import io
from typing import Any

import pytest
from botocore.exceptions import IncompleteReadError
from botocore.response import StreamingBody

from lambda_src.audit_writer.archive import ArchiveUnavailable, ObjectDiffers, S3Archive
from lambda_src.audit_writer.refusals import ObjectRefused
from tests.aws_stubs import type_of_aws, unreachable

KEY = "audit/2026/11/21/b.ndjson.gz"
CONTENT = gzip.compress(b'{"amount_minor":1}\n', mtime=0)
SHA256 = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
METADATA = {"chain-number": "12"}
PUT = {
    "Bucket": "audit-dev",
    "Key": KEY,
    "Body": CONTENT,
    "ContentType": "application/x-ndjson",
    "ContentEncoding": "gzip",
    "ChecksumSHA256": SHA256,
    "Metadata": METADATA,
    "IfNoneMatch": "*",
}
HEAD = {"Bucket": "audit-dev", "Key": KEY, "ChecksumMode": "ENABLED"}
# The same records as `CONTENT`, in other bytes.
REPACKED = gzip.compress(b'{"amount_minor":1}\n', compresslevel=0, mtime=7)
OTHER = gzip.compress(b'{"amount_minor":2}\n', mtime=0)


@pytest.fixture
def pauses() -> list[float]:
    return []


def store(s3: Any, pauses: list[float]) -> bool:
    archive = S3Archive(s3=s3, bucket_name="audit-dev", pause_up_to=pauses.append)
    return archive.store(KEY, CONTENT, METADATA)


def refuse(stub: Any, code: str, status: int) -> None:
    stub.add_client_error("put_object", code, http_status_code=status, expected_params=PUT)


def found(stub: Any, **answer: Any) -> None:
    """An object is there: the put is refused, and its head has these values."""
    refuse(stub, "PreconditionFailed", 412)
    head(stub, **answer)


def head(stub: Any, **answer: Any) -> None:
    usual = {"Metadata": METADATA, "ContentLength": len(CONTENT)}
    stub.add_response("head_object", usual | answer, HEAD)


def body(stub: Any, content: bytes) -> None:
    stream = StreamingBody(io.BytesIO(content), len(content))
    stub.add_response("get_object", {"Body": stream}, {"Bucket": "audit-dev", "Key": KEY})


def test_s23_an_object_is_only_written_where_there_is_none_and_s3_verifies_it(
    aws: type_of_aws, pauses: list[float]
) -> None:
    s3, stub = aws("s3")
    stub.add_response("put_object", {"ETag": '"e"'}, PUT)
    assert store(s3, pauses)


def test_s23_an_existing_object_with_the_same_checksum_is_success(
    aws: type_of_aws, pauses: list[float]
) -> None:
    s3, stub = aws("s3")
    found(stub, ChecksumSHA256=SHA256)
    assert not store(s3, pauses)


@pytest.mark.parametrize("answer", [{}, {"ChecksumSHA256": "AAAA"}], ids=["none", "another"])
def test_s23_without_the_same_checksum_the_records_are_compared(
    aws: type_of_aws, pauses: list[float], answer: dict[str, str]
) -> None:
    """Earlier versions gave S3 no SHA-256, and another zlib writes the same in other bytes."""
    s3, stub = aws("s3")
    found(stub, **answer)
    body(stub, REPACKED)
    assert not store(s3, pauses)


def test_s23_another_content_is_not_success(aws: type_of_aws, pauses: list[float]) -> None:
    s3, stub = aws("s3")
    found(stub, ChecksumSHA256="AAAA")
    body(stub, OTHER)
    head(stub, ChecksumSHA256="AAAA")
    body(stub, OTHER)
    with pytest.raises(ObjectDiffers, match=rf"^{KEY} has another record in the place of"):
        store(s3, pauses)


def test_s23_another_place_in_the_chain_is_not_success(
    aws: type_of_aws, pauses: list[float]
) -> None:
    s3, stub = aws("s3")
    other = {"ChecksumSHA256": SHA256, "Metadata": {"chain-number": "13"}}
    found(stub, **other)
    head(stub, **other)
    with pytest.raises(ObjectDiffers, match=rf"^{KEY} has other metadata$"):
        store(s3, pauses)


def test_s23_an_answer_that_breaks_off_in_its_head_is_no_other_object(
    aws: type_of_aws, pauses: list[float]
) -> None:
    """boto3 takes it for an answer without metadata, checksum and length."""
    s3, stub = aws("s3")
    refuse(stub, "PreconditionFailed", 412)
    stub.add_response("head_object", {"Metadata": {}}, HEAD)
    head(stub, ChecksumSHA256=SHA256)
    assert not store(s3, pauses)


def test_an_object_that_is_far_too_large_is_not_read(aws: type_of_aws, pauses: list[float]) -> None:
    s3, stub = aws("s3")
    found(stub, ContentLength=5_000_000_000)
    head(stub, ContentLength=5_000_000_000)
    with pytest.raises(ObjectDiffers, match="has 5000000000 bytes"):
        store(s3, pauses)


def test_an_object_that_cannot_be_compared_is_neither_success_nor_different(
    aws: type_of_aws, pauses: list[float]
) -> None:
    s3, stub = aws("s3")
    refuse(stub, "PreconditionFailed", 412)
    stub.add_client_error("head_object", "403", http_status_code=403, expected_params=HEAD)
    with pytest.raises(ArchiveUnavailable, match=r"b\.ndjson\.gz: .*403"):
        store(s3, pauses)


def test_an_object_that_breaks_off_while_it_is_read_is_unknown(
    aws: type_of_aws, pauses: list[float]
) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise IncompleteReadError(actual_bytes=1, expected_bytes=2)

    s3, stub = aws("s3")
    found(stub)
    stub.add_response("get_object", {"Body": Broken()}, {"Bucket": "audit-dev", "Key": KEY})
    with pytest.raises(ArchiveUnavailable, match="1 read"):
        store(s3, pauses)


def test_s23_a_concurrent_write_is_waited_for(aws: type_of_aws, pauses: list[float]) -> None:
    s3, stub = aws("s3")
    refuse(stub, "ConditionalRequestConflict", 409)
    found(stub, ChecksumSHA256=SHA256)
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
