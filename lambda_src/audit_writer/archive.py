"""The audit bucket: each object is written once and never replaced."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.audit_writer.comparison import difference
from lambda_src.audit_writer.refusals import ObjectRefused, is_of_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ALREADY_STORED = "PreconditionFailed"
_BEING_WRITTEN = "ConditionalRequestConflict"
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.5
# A message has 1 MiB; escaped, its records are at most three times as large.
_OBJECT_BYTES_MAX: Final = 4 * 1024 * 1024


class ArchiveUnavailable(Exception):
    """Whether the object is stored is unknown. It is safe to try again."""


class ObjectDiffers(Exception):
    """Something else is stored under this key. The text says what."""


class S3Archive:
    """`pause_up_to` sleeps for a random part of the given seconds."""

    def __init__(
        self, *, s3: "S3Client", bucket_name: str, pause_up_to: Callable[[float], None]
    ) -> None:
        self._s3 = s3
        self._bucket_name = bucket_name
        self._pause_up_to = pause_up_to

    def store(self, key: str, content: bytes, metadata: Mapping[str, str]) -> bool:
        """True if this call stored these under `key`; False if there is an object: compare with it.

        Raises ArchiveUnavailable, or ObjectRefused if S3 does not take this object.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                self._s3.put_object(
                    Bucket=self._bucket_name,
                    Key=key,
                    Body=content,
                    ContentType="application/x-ndjson",
                    ContentEncoding="gzip",
                    ChecksumSHA256=_sha256(content),  # S3 refuses other bytes
                    Metadata=dict(metadata),
                    IfNoneMatch="*",
                )
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == _ALREADY_STORED:
                    return False
                if code != _BEING_WRITTEN or attempt == _ATTEMPTS:
                    raise _failure(key, error) from error
                self._pause_up_to(_PAUSE_SECONDS)  # another delivery is writing it now
            except BotoCoreError as error:
                raise _failure(key, error) from error
            else:
                return True

    def compare(self, key: str, content: bytes, metadata: Mapping[str, str]) -> None:
        """Raises ObjectDiffers if the object under `key` is another one, or ArchiveUnavailable."""
        try:
            found = self._difference(key, content, metadata)
        except (BotoCoreError, ClientError) as error:
            raise ArchiveUnavailable(f"{key}: {error}") from error
        if found is not None:
            raise ObjectDiffers(f"{key} {found}")

    def _difference(self, key: str, content: bytes, metadata: Mapping[str, str]) -> str | None:
        # One request, not also one for the head: the function has little time.
        stored = self._s3.get_object(Bucket=self._bucket_name, Key=key, ChecksumMode="ENABLED")
        with closing(stored["Body"]) as body:
            # While a version is deployed, a writer from before the chain stores chained batches
            # without metadata: their contents decide.
            if stored["Metadata"] not in (metadata, {}):
                return "has other metadata"
            if stored.get("ChecksumSHA256") == _sha256(content):
                return None
            # Earlier versions gave no SHA-256; another zlib writes the same in other bytes.
            length = stored.get("ContentLength", 0)
            if length > _OBJECT_BYTES_MAX:
                return f"has {length} bytes"
            return difference(body.read(), content, is_chained=bool(metadata))


def _sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _failure(key: str, error: BotoCoreError | ClientError) -> Exception:
    kind = ObjectRefused if is_of_object(error) else ArchiveUnavailable
    return kind(f"{key}: {error}")
