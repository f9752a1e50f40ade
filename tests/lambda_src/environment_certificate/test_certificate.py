"""S63: a client that trusts only the environment's authority can verify the server."""

import base64
import shutil
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lambda_src.environment_certificate.certificate import (
    Certificate,
    create_authority,
    create_server_certificate,
)
from tests.lambda_src.environment_certificate.handshake import shake_hands

NAMES = ("transaction-alb-dev-123.us-east-1.elb.amazonaws.com", "*.example.com", "127.0.0.7", "::1")
TEN_YEARS = timedelta(days=3650)


def authority_for(
    *names: str, now: datetime | None = None, validity: timedelta = TEN_YEARS
) -> Certificate:
    return create_authority(
        names,
        common_name="transaction-certificate-dev authority",
        now=now or datetime.now(UTC),
        validity=validity,
    )


def server_for(
    *names: str,
    authority: Certificate | None = None,
    now: datetime | None = None,
    validity: timedelta = timedelta(days=30),
) -> Certificate:
    return create_server_certificate(
        names,
        authority=authority or authority_for(*names),
        common_name="transaction-certificate-dev",
        now=now or datetime.now(UTC),
        validity=validity,
    )


def key_identifier(certificate: x509.Certificate) -> bytes:
    public_key = certificate.public_key()
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    return x509.SubjectKeyIdentifier.from_public_key(public_key).digest


def parsed(made: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(made.certificate_pem.encode())


def has_its_key_on_p256(made: Certificate) -> bool:
    key = serialization.load_pem_private_key(made.private_key_pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return isinstance(key.curve, ec.SECP256R1) and key.public_key() == parsed(made).public_key()


def test_the_authority_signs_the_server_certificate_and_itself() -> None:
    authority = authority_for(*NAMES)
    server = server_for(*NAMES, authority=authority)
    parsed(authority).verify_directly_issued_by(parsed(authority))
    parsed(server).verify_directly_issued_by(parsed(authority))
    assert has_its_key_on_p256(authority)
    assert has_its_key_on_p256(server)


def test_a_server_certificate_states_its_names_and_purposes() -> None:
    authority = authority_for(*NAMES)
    certificate = parsed(server_for(*NAMES, authority=authority))
    extensions = certificate.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == list(NAMES[:2])
    assert names.get_values_for_type(x509.IPAddress) == [ip_address(a) for a in NAMES[2:]]
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_cert_sign) == (
        True,
        True,
        False,
    )
    purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]
    # Strict clients find the issuer by these (RFC 5280).
    own_id = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    issuer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert own_id == key_identifier(certificate)
    assert issuer.key_identifier == key_identifier(parsed(authority))
    [common_name] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common_name.value == "transaction-certificate-dev"


def test_the_authority_may_sign_certificates_and_nothing_else() -> None:
    extensions = parsed(authority_for(*NAMES)).extensions
    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_cert_sign) == (
        True,
        False,
        True,
    )


def test_it_is_valid_from_an_hour_ago_for_as_long_as_asked() -> None:
    now = datetime(2026, 11, 21, 12, 0, 0, 5, tzinfo=UTC)
    authority = authority_for(*NAMES, now=now)
    certificate = parsed(
        server_for(*NAMES, authority=authority, now=now, validity=timedelta(days=2))
    )
    assert certificate.not_valid_before_utc == datetime(2026, 11, 21, 11, tzinfo=UTC)
    assert certificate.not_valid_after_utc == datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_it_ends_with_its_authority_at_the_latest() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    authority = authority_for(*NAMES, now=now, validity=timedelta(days=20))
    server = server_for(*NAMES, authority=authority, now=now, validity=timedelta(days=90))
    assert parsed(server).not_valid_after_utc == datetime(2026, 12, 11, 12, tzinfo=UTC)


def test_it_can_be_valid_beyond_2049() -> None:
    now = datetime(2049, 12, 1, tzinfo=UTC)
    certificate = parsed(authority_for(*NAMES, now=now, validity=timedelta(days=60)))
    assert certificate.not_valid_after_utc == datetime(2050, 1, 30, tzinfo=UTC)


def test_every_certificate_has_its_own_serial_and_key() -> None:
    authority = authority_for(*NAMES)
    first, second = (parsed(server_for(*NAMES, authority=authority)) for _ in range(2))
    assert first.serial_number != second.serial_number
    assert first.public_key() != second.public_key()
    assert first.serial_number.bit_length() < 160


def test_the_one_line_form_is_the_same_certificate() -> None:
    made = authority_for(*NAMES)
    der = base64.b64decode(made.der_base64, validate=True)
    assert x509.load_der_x509_certificate(der) == parsed(made)


def test_the_private_key_is_not_in_the_repr() -> None:
    assert "PRIVATE" not in repr(authority_for(*NAMES))


def connect(folder: Path, *, server: Certificate, authority: Certificate, name: str) -> str | None:
    presented = server.private_key_pem + server.certificate_pem
    return shake_hands(folder, presented=presented, trusted=authority.certificate_pem, name=name)


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (("api.dev.test",), "api.dev.test"),
        (("127.0.0.7",), "127.0.0.7"),
        (("*.dev.test",), "api.dev.test"),
        (("api.dev.test", "127.0.0.7"), "127.0.0.7"),
    ],
)
def test_a_client_that_trusts_the_authority_verifies_the_server(
    tmp_path: Path, names: tuple[str, ...], name: str
) -> None:
    authority = authority_for(*names)
    server = server_for(*names, authority=authority)
    assert connect(tmp_path, server=server, authority=authority, name=name) == "TLSv1.3"


@pytest.mark.parametrize("name", ["other.dev.test", "127.0.0.8"])
def test_a_client_refuses_it_for_another_name(tmp_path: Path, name: str) -> None:
    authority = authority_for("api.dev.test", "127.0.0.7")
    server = server_for("api.dev.test", "127.0.0.7", authority=authority)
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
        connect(tmp_path, server=server, authority=authority, name=name)


def test_a_client_refuses_another_environments_certificate(tmp_path: Path) -> None:
    server = server_for("api.dev.test")
    with pytest.raises(ssl.SSLCertVerificationError, match="verify failed"):
        connect(
            tmp_path, server=server, authority=authority_for("api.dev.test"), name="api.dev.test"
        )


@pytest.mark.parametrize("own", ["api.dev.test", "127.0.0.7"])
@pytest.mark.parametrize("forged", ["example.com", "127.0.0.8", "dev.test"])
def test_a_stolen_authority_is_of_no_use_for_another_name(
    tmp_path: Path, own: str, forged: str
) -> None:
    authority = authority_for(own)
    server = server_for(forged, authority=authority)
    with pytest.raises(ssl.SSLCertVerificationError, match="subtree violation"):
        connect(tmp_path, server=server, authority=authority, name=forged)


def test_openssl_verifies_the_chain_strictly(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed; the tests above use the same library")
    authority = authority_for(NAMES[0])
    trusted, leaf = tmp_path / "ca.pem", tmp_path / "server.pem"
    trusted.write_text(authority.certificate_pem)
    leaf.write_text(server_for(NAMES[0], authority=authority).certificate_pem)
    command = [openssl, "verify", "-x509_strict", "-purpose", "sslserver"]
    result = subprocess.run(
        [*command, "-CAfile", str(trusted), str(leaf)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
