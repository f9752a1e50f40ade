"""The certificate follows its CloudFormation resource: created, replaced, deleted."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY
from cryptography import x509

from lambda_src.environment_certificate import entrypoint
from lambda_src.environment_certificate.lifecycle import InvalidProperties, on_event
from tests.aws_stubs import type_of_aws

ARN = "arn:aws:acm:us-east-1:111111111111:certificate/0f0f0f0f-0000-0000-0000-000000000001"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
PROPERTIES = {"ServiceToken": "arn:x", "Names": ["api.dev.test"], "ValidityDays": "365"}
IMPORTED = {
    "Certificate": ANY,
    "PrivateKey": ANY,
    "Tags": [{"Key": "Name", "Value": "transaction-certificate-dev"}],
}


def answer(
    event: dict[str, Any], acm: Any, pause: Callable[[float], None], seconds_left: float = 60
) -> dict[str, Any]:
    return on_event(
        event,
        acm=acm,
        environment_suffix="dev",
        now=lambda: NOW,
        pause=pause,
        seconds_left=lambda: seconds_left,
    )


def no_pause(_seconds: float) -> None:
    raise AssertionError("nothing to wait for")


def wanted(**changes: Any) -> dict[str, Any]:
    properties = {k: v for k, v in (PROPERTIES | changes).items() if v is not ...}
    return {"RequestType": "Create", "ResourceProperties": properties}


@pytest.mark.parametrize(
    "event",
    [
        wanted(),
        wanted() | {"RequestType": "Update", "PhysicalResourceId": ARN + "-old"},
    ],
)
def test_a_new_certificate_is_imported_and_described(
    aws: type_of_aws, event: dict[str, Any]
) -> None:
    acm, stub = aws("acm")
    stub.add_response("import_certificate", {"CertificateArn": ARN}, IMPORTED)
    response = answer(event, acm, no_pause)
    assert response["PhysicalResourceId"] == ARN
    assert set(response["Data"]) == {"CertificateArn", "CertificatePem", "CertificateDerBase64"}
    assert response["Data"]["CertificateArn"] == ARN
    certificate = x509.load_pem_x509_certificate(response["Data"]["CertificatePem"].encode())
    assert certificate.not_valid_after_utc == datetime(2027, 11, 21, tzinfo=UTC)


def test_the_answer_to_the_largest_request_fits_into_what_cloudformation_takes(
    aws: type_of_aws,
) -> None:
    acm, stub = aws("acm")
    stub.add_response("import_certificate", {"CertificateArn": ARN}, IMPORTED)
    names = [
        f"transaction-alb-{'x' * 16}-{n:010}.ap-southeast-1.elb.amazonaws.com" for n in range(7)
    ]
    response = answer(wanted(Names=[*names, "::1"], ValidityDays=825), acm, no_pause)
    assert len(str(response)) < 3500


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"Names": ...}, "Names is None: a list of 1 to 8"),
        ({"Names": []}, r"Names is \[\]: a list of 1 to 8"),
        ({"Names": "api.dev.test"}, "Names is 'api.dev.test': a list"),
        ({"Names": ["a"] * 9}, "a list of 1 to 8"),
        ({"Names": [7]}, "Names holds 7: neither"),
        ({"Names": ["a_b.test"]}, "Names holds 'a_b.test': neither"),
        ({"Names": ["https://a.test"]}, "neither a DNS name nor an IP address"),
        ({"Names": ["127.0.0.256"]}, "neither a DNS name nor an IP address"),
        ({"Names": ["a..test"]}, "neither a DNS name nor an IP address"),
        ({"Names": [".".join(["a" * 62] * 5)]}, "neither a DNS name nor an IP address"),
        ({"ValidityDays": ...}, "ValidityDays is None: a whole number from 1 to 825"),
        ({"ValidityDays": "0"}, "ValidityDays is '0': a whole number"),
        ({"ValidityDays": "826"}, "ValidityDays is '826': a whole number"),
        ({"ValidityDays": "1.5"}, "ValidityDays is '1.5': a whole number"),
        ({"ValidityDays": "-1"}, "ValidityDays is '-1': a whole number"),
    ],
)
def test_invalid_properties_are_named(
    aws: type_of_aws, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InvalidProperties, match=complaint):
        answer(wanted(**changes), aws("acm")[0], no_pause)


def deletion(physical_id: str = ARN) -> dict[str, Any]:
    return {"RequestType": "Delete", "PhysicalResourceId": physical_id, "ResourceProperties": {}}


def refuse(stub: Any, code: str) -> None:
    stub.add_client_error("delete_certificate", code, expected_params={"CertificateArn": ARN})


def test_s62_a_delete_deletes(aws: type_of_aws) -> None:
    acm, stub = aws("acm")
    stub.add_response("delete_certificate", {}, {"CertificateArn": ARN})
    assert answer(deletion(), acm, no_pause) == {}


def test_s62_a_missing_certificate_counts_as_deleted(aws: type_of_aws) -> None:
    acm, stub = aws("acm")
    refuse(stub, "ResourceNotFoundException")
    assert answer(deletion(), acm, no_pause) == {}


def test_s62_a_certificate_in_use_is_waited_for(aws: type_of_aws) -> None:
    acm, stub = aws("acm")
    pauses: list[float] = []
    refuse(stub, "ResourceInUseException")
    refuse(stub, "ResourceInUseException")
    stub.add_response("delete_certificate", {}, {"CertificateArn": ARN})
    assert answer(deletion(), acm, pauses.append) == {}
    assert pauses == [10.0, 10.0]


def test_s62_a_certificate_still_in_use_fails_before_the_function_runs_out_of_time(
    aws: type_of_aws,
) -> None:
    acm, stub = aws("acm")
    refuse(stub, "ResourceInUseException")
    with pytest.raises(ClientError, match="ResourceInUse"):
        answer(deletion(), acm, no_pause, seconds_left=19.9)


def test_s62_another_refusal_fails_at_once(aws: type_of_aws) -> None:
    acm, stub = aws("acm")
    refuse(stub, "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        answer(deletion(), acm, no_pause)


def test_s62_after_a_failed_create_there_is_nothing_to_delete(aws: type_of_aws) -> None:
    failed_create = "AWSCDK::CustomResourceProviderFramework::CREATE_FAILED"
    assert answer(deletion(failed_create), aws("acm")[0], no_pause) == {}


def test_the_handler_names_the_certificate_after_its_environment(
    aws: type_of_aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "dev")
    monkeypatch.setattr(boto3, "client", lambda service, **_: aws(service)[0])
    entrypoint._acm.cache_clear()
    stub = aws("acm")[1]
    stub.add_response("import_certificate", {"CertificateArn": ARN}, IMPORTED)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 19_000)
    assert entrypoint.handler(wanted(), context)["PhysicalResourceId"] == ARN
    refuse(stub, "ResourceInUseException")
    with pytest.raises(ClientError, match="ResourceInUse"):
        entrypoint.handler(deletion(), context)
