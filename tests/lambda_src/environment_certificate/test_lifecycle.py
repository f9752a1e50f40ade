"""The certificate follows its CloudFormation resource: created, replaced, deleted."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography import x509

from lambda_src.environment_certificate import entrypoint
from lambda_src.environment_certificate.lifecycle import on_event
from lambda_src.environment_certificate.request import InvalidProperties
from tests.lambda_src.environment_certificate.account import (
    NAME,
    SECRET_ARN,
    Acm,
    Secrets,
    authority_secret,
    refusal,
)

ARN = "arn:aws:acm:us-east-1:111111111111:certificate/0f0f0f0f-0000-0000-0000-000000000001"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
PROPERTIES = {"Names": ["api.dev.test"], "ValidityDays": "90", "Authority": "1"}


def no_pause(_seconds: float) -> None:
    raise AssertionError("nothing to wait for")


def _acm() -> Any:
    return Acm()


def answer(
    event: dict[str, Any],
    acm: Any = None,  # a new, empty one
    secrets: Any = None,
    *,
    pause: Callable[[float], None] = no_pause,
    seconds_left: float = 60,
) -> dict[str, Any]:
    return on_event(
        event,
        acm=acm if acm is not None else _acm(),
        authority_secret=authority_secret(secrets or Secrets()),
        now=lambda: NOW,
        pause=pause,
        seconds_left=lambda: seconds_left,
    )


def wanted(kind: str = "Create", request: int = 1, **changes: Any) -> dict[str, Any]:
    properties = {k: v for k, v in (PROPERTIES | changes).items() if v is not ...}
    return {
        "RequestType": kind,
        "RequestId": f"{request:032}",
        "PhysicalResourceId": ARN,
        "ResourceProperties": properties,
    }


def test_a_new_certificate_is_imported_with_its_tag_and_chain() -> None:
    acm = Acm()
    response = answer(wanted(), acm)
    arn = response["PhysicalResourceId"]
    imported = acm.certificates[arn]
    assert imported["Tags"] == [{"Key": "Name", "Value": NAME}]
    assert set(response["Data"]) == {"CertificateArn", "CertificatePem", "CertificateDerBase64"}
    assert response["Data"]["CertificateArn"] == arn
    authority = x509.load_pem_x509_certificate(response["Data"]["CertificatePem"].encode())
    server = x509.load_pem_x509_certificate(imported["Certificate"])
    server.verify_directly_issued_by(authority)
    assert server.not_valid_after_utc == datetime(2027, 2, 19, tzinfo=UTC)
    assert imported["CertificateChain"].decode() == response["Data"]["CertificatePem"]


def test_a_certificate_without_an_authority_is_replaced_and_then_deleted() -> None:
    """The update of a stack that still has a self-signed certificate."""
    acm, secrets = Acm(), Secrets()
    acm.certificates[ARN] = {"Certificate": b"self-signed"}
    response = answer(wanted("Update"), acm, secrets)
    assert response["PhysicalResourceId"] != ARN  # so CloudFormation deletes the old one
    assert answer(deletion(ARN), acm, secrets) == {}
    assert [*acm.certificates] == [response["PhysicalResourceId"]]


def test_an_update_keeps_what_clients_trust() -> None:
    acm, secrets = Acm(), Secrets()
    before = answer(wanted(), acm, secrets)
    after = answer(wanted("Update", request=2, ValidityDays="30"), acm, secrets)
    assert after["PhysicalResourceId"] != before["PhysicalResourceId"]
    assert after["Data"]["CertificatePem"] == before["Data"]["CertificatePem"]


@pytest.mark.parametrize("changes", [{"Authority": "2"}, {"Names": ["other.dev.test"]}])
def test_another_authority_or_name_needs_a_new_authority(changes: dict[str, Any]) -> None:
    secrets = Secrets()
    before = answer(wanted(), secrets=secrets)
    after = answer(wanted("Update", request=2, **changes), secrets=secrets)
    assert after["Data"]["CertificatePem"] != before["Data"]["CertificatePem"]


class TwoAttempts(Secrets):
    """Another attempt at the same request stores its authority after this one has looked."""

    def __init__(self) -> None:
        super().__init__()
        self.other = ""

    def put_secret_value(self, *, ClientRequestToken: str, **which: str) -> None:  # noqa: N803
        if not self.other:
            self.other = "on its way"
            authority = answer(wanted(), secrets=self)["Data"]["CertificatePem"]
            self.other = authority
        super().put_secret_value(ClientRequestToken=ClientRequestToken, **which)


def test_two_attempts_at_one_request_use_one_authority() -> None:
    secrets = TwoAttempts()
    assert answer(wanted(), secrets=secrets)["Data"]["CertificatePem"] == secrets.other
    assert secrets.value is not None
    assert json.loads(secrets.value)["certificate_pem"] == secrets.other


@pytest.mark.parametrize("call", ["get_secret_value", "put_secret_value"])
def test_a_secret_that_may_not_be_used_fails_the_deployment(
    monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    acm, secrets = Acm(), Secrets()

    def refuse(**_: str) -> None:
        raise refusal("AccessDeniedException")

    monkeypatch.setattr(secrets, call, refuse)
    with pytest.raises(ClientError, match="AccessDenied"):
        answer(wanted(), acm, secrets)
    assert acm.imports == 0


def test_the_answer_to_the_largest_request_fits_into_what_cloudformation_takes() -> None:
    names = [
        f"transaction-alb-{'x' * 16}-{n:010}.ap-southeast-1.elb.amazonaws.com" for n in range(7)
    ]
    response = answer(wanted(Names=[*names, "::1"], ValidityDays=825))
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
        ({"Authority": ...}, "Authority is None: 1 to 32 of a-z"),
        ({"Authority": "A B"}, "Authority is 'A B': 1 to 32 of a-z"),
    ],
)
def test_invalid_properties_are_named(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidProperties, match=complaint):
        answer(wanted(**changes))


def deletion(physical_id: str = ARN) -> dict[str, Any]:
    return {"RequestType": "Delete", "PhysicalResourceId": physical_id, "ResourceProperties": {}}


def in_use(times: int) -> Acm:
    acm = Acm()
    acm.certificates[ARN] = {}
    acm.in_use_for = times
    return acm


def test_s62_a_delete_deletes() -> None:
    acm = in_use(0)
    assert answer(deletion(), acm) == {}
    assert acm.certificates == {}


def test_s62_a_missing_certificate_counts_as_deleted() -> None:
    assert answer(deletion()) == {}


def test_s62_a_certificate_in_use_is_waited_for() -> None:
    acm, pauses = in_use(2), list[float]()
    assert answer(deletion(), acm, pause=pauses.append) == {}
    assert (acm.certificates, pauses) == ({}, [10.0, 10.0])


def test_s62_a_certificate_still_in_use_fails_before_the_function_runs_out_of_time() -> None:
    with pytest.raises(ClientError, match="ResourceInUse"):
        answer(deletion(), in_use(1), seconds_left=19.9)


def test_s62_another_refusal_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    acm = in_use(0)

    def refuse(**_: str) -> None:
        raise refusal("AccessDeniedException")

    monkeypatch.setattr(acm, "delete_certificate", refuse)
    with pytest.raises(ClientError, match="AccessDenied"):
        answer(deletion(), acm)


def test_s62_after_a_failed_create_there_is_nothing_to_delete() -> None:
    failed_create = "AWSCDK::CustomResourceProviderFramework::CREATE_FAILED"
    assert answer(deletion(failed_create)) == {}


def test_the_handler_names_the_certificate_after_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "dev")
    monkeypatch.setenv("AUTHORITY_SECRET_ARN", SECRET_ARN)
    clients = {"acm": Acm(), "secretsmanager": Secrets()}
    monkeypatch.setattr(boto3, "client", lambda service, **_: clients[service])
    entrypoint._acm.cache_clear()
    entrypoint._secrets.cache_clear()
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 19_000)
    arn = entrypoint.handler(wanted(), context)["PhysicalResourceId"]
    acm = clients["acm"]
    assert isinstance(acm, Acm)
    assert acm.certificates[arn]["Tags"] == [
        {"Key": "Name", "Value": "transaction-certificate-dev"}
    ]
    acm.in_use_for = 1
    with pytest.raises(ClientError, match="ResourceInUse"):
        entrypoint.handler(deletion(arn), context)
