"""S23: an object is written once and never replaced."""

import base64
import gzip
import hashlib
import io
from typing import Any

import pytest
from botocore.exceptions import IncompleteReadError

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
GET = {"Bucket": "audit-dev", "Key": KEY, "ChecksumMode": "ENABLED"}
# The same records as `CONTENT`, in other bytes.
REPACKED = gzip.compress(b'{"amount_minor":1}\n', compresslevel=0, mtime=7)
OTHER = gzip.compress(b'{"amount_minor":2}\n', mtime=0)


@pytest.fixture
def pauses() -> list[float]:
    return []


def archive(s3: Any, pauses: list[float] | None = None) -> S3Archive:
    pause_up_to = ([] if pauses is None else pauses).append
    return S3Archive(s3=s3, bucket_name="audit-dev", pause_up_to=pause_up_to)


def store(s3: Any, pauses: list[float]) -> bool:
    return archive(s3, pauses).store(KEY, CONTENT, METADATA)


def refuse(stub: Any, code: str, status: int) -> None:
    stub.add_client_error("put_object", code, http_status_code=status, expected_params=PUT)


class Body(io.BytesIO):
    """A body that is closed and, if it is not to be read, not read."""

    def __init__(self, content: bytes | None) -> None:
        super().__init__(content or b"")
        self._is_read = content is not None

    def read(self, *_: object) -> bytes:
        assert self._is_read
        return super().read()


def difference(aws: type_of_aws, content: bytes | None, **stored: Any) -> str | None:
    """What `compare` finds if an object is there with these values."""
    s3, stub = aws("s3")
    body = Body(content)
    answer = {"Body": body, "Metadata": METADATA, "ContentLength": 60} | stored
    stub.add_response("get_object", answer, GET)
    try:
        archive(s3).compare(KEY, CONTENT, METADATA)
    except ObjectDiffers as error:
        return str(error)
    finally:
        assert body.closed
    return None


def test_s23_an_object_is_only_written_where_there_is_none_and_s3_verifies_it(
    aws: type_of_aws, pauses: list[float]
) -> None:
    s3, stub = aws("s3")
    stub.add_response("put_object", {"ETag": '"e"'}, PUT)
    assert store(s3, pauses)


def test_s23_an_existing_object_is_not_replaced(aws: type_of_aws, pauses: list[float]) -> None:
    s3, stub = aws("s3")
    refuse(stub, "PreconditionFailed", 412)
    assert not store(s3, pauses)


def test_s23_an_object_with_the_same_checksum_is_the_same(aws: type_of_aws) -> None:
    assert difference(aws, None, ChecksumSHA256=SHA256) is None


@pytest.mark.parametrize("checksum", [{}, {"ChecksumSHA256": "AAAA"}], ids=["none", "another"])
def test_s23_without_the_same_checksum_the_records_are_compared(
    aws: type_of_aws, checksum: dict[str, Any]
) -> None:
    """Earlier versions gave S3 no SHA-256, and another zlib writes the same in other bytes."""
    assert difference(aws, REPACKED, **checksum) is None
    assert difference(aws, OTHER, **checksum) == (
        f"{KEY} has another record in the place of transactions[0]"
    )


def test_s23_another_place_in_the_chain_is_a_difference(aws: type_of_aws) -> None:
    other = {"chain-number": "13"}
    assert difference(aws, None, ChecksumSHA256=SHA256, Metadata=other) == (
        f"{KEY} has other metadata"
    )


def test_s23_an_object_of_a_writer_from_before_the_chain_is_the_same(aws: type_of_aws) -> None:
    """While a version is deployed, both write: this one has no metadata."""
    assert difference(aws, None, ChecksumSHA256=SHA256, Metadata={}) is None
    assert difference(aws, REPACKED, Metadata={}) is None
    assert difference(aws, OTHER, Metadata={}) is not None


def test_an_object_that_is_far_too_large_is_not_read(aws: type_of_aws) -> None:
    assert difference(aws, None, ContentLength=5_000_000_000) == f"{KEY} has 5000000000 bytes"


def test_an_object_that_cannot_be_read_is_unknown(aws: type_of_aws) -> None:
    s3, stub = aws("s3")
    stub.add_client_error("get_object", "AccessDenied", http_status_code=403, expected_params=GET)
    with pytest.raises(ArchiveUnavailable, match=r"b\.ndjson\.gz: .*AccessDenied"):
        archive(s3).compare(KEY, CONTENT, METADATA)


def test_an_object_that_breaks_off_while_it_is_read_is_unknown(aws: type_of_aws) -> None:
    class Broken(Body):
        def read(self, *_: object) -> bytes:
            raise IncompleteReadError(actual_bytes=1, expected_bytes=2)

    s3, stub = aws("s3")
    answer = {"Body": Broken(b""), "Metadata": METADATA, "ContentLength": 60}
    stub.add_response("get_object", answer, GET)
    with pytest.raises(ArchiveUnavailable, match="1 read"):
        archive(s3).compare(KEY, CONTENT, METADATA)


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
