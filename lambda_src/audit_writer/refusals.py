"""Which errors of S3 are caused by the object that it was given.

Every other error may happen to every object: throttling, a timeout, an error of S3, a missing right
or bucket. It is an outage, also if a person must repair it.
"""

from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

# Codes about the bytes, size, name or metadata of one object
# (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList).
_OF_OBJECT: Final = frozenset(
    {
        "BadDigest",
        "EntityTooLarge",
        "EntityTooSmall",
        "InvalidDigest",
        "InvalidURI",
        "KeyTooLongError",
        "MetadataTooLarge",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    }
)


class ObjectRefused(Exception):
    """S3 answered and does not take this object. Others are not affected."""


def is_of_object(error: BotoCoreError | ClientError) -> bool:
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _OF_OBJECT
    return isinstance(error, ParamValidationError)
