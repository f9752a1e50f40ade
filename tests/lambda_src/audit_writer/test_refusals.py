"""S42: an error of S3 that any object may meet is an outage; others concern one object."""

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from lambda_src.audit_writer.refusals import is_of_object


def answer(code: str, status: int) -> ClientError:
    response: Any = {
        "Error": {"Code": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "PutObject")


@pytest.mark.parametrize(
    "error",
    [
        answer("SlowDown", 503),
        answer("ServiceUnavailable", 503),
        answer("InternalError", 500),
        answer("ThrottlingException", 400),
        answer("RequestTimeout", 400),
        answer("ExpiredToken", 400),
        answer("KMS.DisabledException", 400),
        answer("InvalidRequest", 400),  # Object Lock needs a checksum: so with every object
        answer("AccessDenied", 403),  # a wrong grant
        answer("RequestTimeTooSkewed", 403),
        answer("NoSuchBucket", 404),
        answer("OfANewerVersion", 400),
        ReadTimeoutError(endpoint_url="https://s3"),
        ConnectTimeoutError(endpoint_url="https://s3"),
        NoCredentialsError(),
    ],
    ids=str,
)
def test_s42_what_every_object_may_meet_is_an_outage(error: BotoCoreError | ClientError) -> None:
    assert not is_of_object(error)


@pytest.mark.parametrize(
    "error",
    [
        answer("BadDigest", 400),
        answer("EntityTooLarge", 400),
        answer("InvalidDigest", 400),
        answer("KeyTooLongError", 400),
        answer("MetadataTooLarge", 400),
        ParamValidationError(report="Metadata"),
    ],
    ids=str,
)
def test_s42_what_one_object_causes_is_none(error: BotoCoreError | ClientError) -> None:
    assert is_of_object(error)
