"""The certificate is renewed in place, and clients keep what they trust."""

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from lambda_src.environment_certificate.authority import AuthorityEnds, AuthorityMissing
from lambda_src.environment_certificate.lifecycle import on_event
from tests.lambda_src.environment_certificate.account import Acm, Secrets, authority_secret
from tests.lambda_src.environment_certificate.handshake import shake_hands

NOW = datetime.now(UTC).replace(microsecond=0)
REQUEST = {"Names": ["api.dev.test"], "ValidityDays": "90", "Authority": "1"}


class Environment:
    """The certificate of one environment, and what its clients hold."""

    def __init__(self) -> None:
        self.acm, self.secrets = Acm(), Secrets()
        created = self.send("Create", RequestId="0" * 32)
        self.arn, self.output = created["PhysicalResourceId"], created["Data"]["CertificatePem"]

    def send(self, kind: str, *, now: datetime = NOW, **fields: Any) -> dict[str, Any]:
        return on_event(
            {"RequestType": kind, "ResourceProperties": REQUEST, **fields},
            acm=self.acm,  # type: ignore[arg-type]
            authority_secret=authority_secret(self.secrets),
            now=lambda: now,
            pause=lambda _: None,
            seconds_left=lambda: 0,
        )

    def renew(self, kind: str = "Renew", *, days: float = 0) -> None:
        self.send(kind, CertificateArn=self.arn, now=NOW + timedelta(days=days))

    @property
    def served(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.acm.certificates[self.arn]["Certificate"])

    def presented(self) -> str:
        parts = self.acm.certificates[self.arn]
        return b"".join(
            parts[each] for each in ("PrivateKey", "Certificate", "CertificateChain")
        ).decode()


def test_s63_a_client_with_the_old_output_verifies_the_renewed_certificate(tmp_path: Path) -> None:
    environment = Environment()
    before = environment.served
    environment.renew("RenewNow")
    assert environment.served.public_key() != before.public_key()
    assert (
        shake_hands(
            tmp_path,
            presented=environment.presented(),
            trusted=environment.output,
            name="api.dev.test",
        )
        == "TLSv1.3"
    )


def test_it_is_renewed_when_less_than_a_third_of_its_lifetime_is_left() -> None:
    environment = Environment()
    before = environment.served
    environment.renew(days=59.9)
    assert environment.served == before
    environment.renew(days=60.1)
    assert environment.served.not_valid_after_utc == NOW + timedelta(days=150.1)
    assert [*environment.acm.certificates] == [environment.arn]  # the listener has this ARN


def test_two_renewals_at_once_leave_a_certificate_with_its_own_key(tmp_path: Path) -> None:
    environment = Environment()
    get = environment.acm.get_certificate

    def overtaken(**which: str) -> dict[str, str]:
        seen = get(**which)
        environment.acm.get_certificate = get  # type: ignore[method-assign]
        environment.renew("RenewNow")
        return seen

    environment.acm.get_certificate = overtaken  # type: ignore[method-assign]
    environment.renew("RenewNow")
    assert environment.acm.imports == 3  # the first one, and one of each
    # Loading the chain fails if the key is another certificate's.
    shake_hands(
        tmp_path,
        presented=environment.presented(),
        trusted=environment.output,
        name="api.dev.test",
    )


def test_the_years_until_the_authority_ends_need_no_deployment() -> None:
    environment = Environment()
    for day in range(0, 3650 - 181):
        environment.renew(days=day)
        assert environment.served.not_valid_after_utc > NOW + timedelta(days=day + 15)


def test_half_a_year_before_the_authority_ends_every_call_fails_but_still_renews() -> None:
    environment = Environment()
    with pytest.raises(AuthorityEnds, match=r"ends on \d{4}-\d\d-\d\d: replace it, see docs/runb"):
        environment.renew(days=3500)
    assert environment.served.not_valid_after_utc == NOW + timedelta(days=3590)


def test_without_an_authority_nothing_is_renewed_and_the_error_says_what_to_do() -> None:
    environment = Environment()
    environment.secrets.value = None
    with pytest.raises(AuthorityMissing, match=r"has no authority '1' for api\.dev\.test: deploy"):
        environment.renew("RenewNow")
    assert environment.acm.imports == 1


def test_s63_the_authoritys_key_is_only_in_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    environment = Environment()
    environment.renew("RenewNow")
    assert environment.secrets.value is not None
    key = json.loads(environment.secrets.value)["private_key_pem"]
    assert "PRIVATE KEY" in key
    lines = key.splitlines()[1:-1]
    elsewhere = caplog.text + environment.output + str(environment.acm.certificates)
    assert not [line for line in lines if line in elsewhere]
