"""The audit bucket: each object is written once and never replaced."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.audit_writer.refusals import ObjectRefused, is_of_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ALREADY_STORED = "PreconditionFailed"
_BEING_WRITTEN = "ConditionalRequestConflict"
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.5


class ArchiveUnavailable(Exception):
    """Whether the object is stored is unknown. It is safe to try again."""


class S3Archive:
    """`pause_up_to` sleeps for a random part of the given seconds."""

    def __init__(
        self, *, s3: "S3Client", bucket_name: str, pause_up_to: Callable[[float], None]
    ) -> None:
        self._s3 = s3
        self._bucket_name = bucket_name
        self._pause_up_to = pause_up_to

    def store(self, key: str, content: bytes) -> bool:
        """True if this call stored `content` under `key`; False if an earlier call did.

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


def _failure(key: str, error: BotoCoreError | ClientError) -> Exception:
    kind = ObjectRefused if is_of_object(error) else ArchiveUnavailable
    return kind(f"{key}: {error}")
