"""The audit bucket as the verifier reads it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        ListObjectVersionsOutputTypeDef,
        ListObjectVersionsRequestTypeDef,
    )

_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404"})


class ArchiveUnreadable(Exception):
    """The bucket did not answer, or refused; nothing is known about its objects."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectVersion:
    key: str
    version_id: str
    is_marker: bool  # a delete marker: the object looks deleted
    size: int
    modified_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    content: bytes = field(repr=False)  # as stored: compressed
    metadata: Mapping[str, str]
    is_intact: bool  # the content has the checksum that S3 keeps for it


class Archive(Protocol):
    """Safe to use from several threads."""

    def versions(self, *, prefix: str, after: str) -> Iterator[ObjectVersion]:
        """All versions and delete markers of the keys with the prefix that sort after `after`, by
        key, the newest of each first. Raises ArchiveUnreadable."""
        ...

    def read(self, version: ObjectVersion) -> StoredObject | None:
        """None if it is gone meanwhile. Raises ArchiveUnreadable."""
        ...


class S3Archive:
    def __init__(self, *, s3: "S3Client", bucket_name: str) -> None:
        self._s3 = s3
        self._bucket_name = bucket_name

    def versions(self, *, prefix: str, after: str) -> Iterator[ObjectVersion]:
        request: ListObjectVersionsRequestTypeDef = {"Bucket": self._bucket_name, "Prefix": prefix}
        if after:
            request["KeyMarker"] = after
        is_truncated = True
        while is_truncated:
            try:
                page = self._s3.list_object_versions(**request)
            except (BotoCoreError, ClientError) as error:
                raise ArchiveUnreadable(f"s3://{self._bucket_name}/{prefix}: {error}") from error
            yield from _sorted(page)
            is_truncated = page["IsTruncated"]
            if is_truncated:
                request["KeyMarker"] = page["NextKeyMarker"]
                request["VersionIdMarker"] = page["NextVersionIdMarker"]

    def read(self, version: ObjectVersion) -> StoredObject | None:
        try:
            answer = self._s3.get_object(
                Bucket=self._bucket_name,
                Key=version.key,
                VersionId=version.version_id,
                ChecksumMode="ENABLED",
            )
            content = answer["Body"].read()
        except FlexibleChecksumError:
            return StoredObject(content=b"", metadata={}, is_intact=False)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise ArchiveUnreadable(f"s3://{self._bucket_name}/{version.key}: {error}") from error
        except BotoCoreError as error:
            raise ArchiveUnreadable(f"s3://{self._bucket_name}/{version.key}: {error}") from error
        return StoredObject(content=content, metadata=answer["Metadata"], is_intact=True)


def _sorted(page: "ListObjectVersionsOutputTypeDef") -> list[ObjectVersion]:
    """A page has its versions and its delete markers in two lists."""
    versions = [
        ObjectVersion(
            key=each["Key"],
            version_id=each["VersionId"],
            is_marker=False,
            size=each["Size"],
            modified_at=each["LastModified"],
        )
        for each in page.get("Versions", ())
    ]
    markers = [
        ObjectVersion(
            key=each["Key"],
            version_id=each["VersionId"],
            is_marker=True,
            size=0,
            modified_at=each["LastModified"],
        )
        for each in page.get("DeleteMarkers", ())
    ]
    newest_first = sorted(versions + markers, key=lambda each: each.modified_at, reverse=True)
    return sorted(newest_first, key=lambda each: each.key)
