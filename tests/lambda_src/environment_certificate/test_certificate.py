"""S63: a client that trusts only this certificate can verify the server."""

import base64
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lambda_src.environment_certificate.certificate import SelfSignedCertificate, create_certificate

NAMES = ("transaction-alb-dev-123.us-east-1.elb.amazonaws.com", "*.example.com", "127.0.0.7", "::1")


def make(
    *names: str, now: datetime | None = None, validity: timedelta = timedelta(days=30)
) -> SelfSignedCertificate:
    return create_certificate(
        names,
        common_name="transaction-certificate-dev",
        now=now or datetime.now(UTC),
        validity=validity,
    )


def key_identifier(certificate: x509.Certificate) -> bytes:
    public_key = certificate.public_key()
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    return x509.SubjectKeyIdentifier.from_public_key(public_key).digest


def parsed(made: SelfSignedCertificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(made.certificate_pem.encode())


def test_it_is_signed_by_its_own_key_on_p256() -> None:
    made = make(*NAMES)
    certificate = parsed(made)
    certificate.verify_directly_issued_by(certificate)
    key = serialization.load_pem_private_key(made.private_key_pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert key.public_key() == certificate.public_key()


def test_it_states_its_names_and_purposes() -> None:
    certificate = parsed(make(*NAMES))
    extensions = certificate.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == list(NAMES[:2])
    assert names.get_values_for_type(x509.IPAddress) == [ip_address(a) for a in NAMES[2:]]
    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_cert_sign) == (True,) * 3
    purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]
    # Without these, verifiers that follow RFC 5280 refuse it as a root.
    own_id = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    issuer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert own_id == issuer.key_identifier == key_identifier(certificate)
    [common_name] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common_name.value == "transaction-certificate-dev"


def test_it_is_valid_from_an_hour_ago_for_as_long_as_asked() -> None:
    now = datetime(2026, 11, 21, 12, 0, 0, 5, tzinfo=UTC)
    certificate = parsed(make(*NAMES, now=now, validity=timedelta(days=2)))
    assert certificate.not_valid_before_utc == datetime(2026, 11, 21, 11, tzinfo=UTC)
    assert certificate.not_valid_after_utc == datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_it_can_be_valid_beyond_2049() -> None:
    now = datetime(2049, 12, 1, tzinfo=UTC)
    certificate = parsed(make(*NAMES, now=now, validity=timedelta(days=60)))
    assert certificate.not_valid_after_utc == datetime(2050, 1, 30, tzinfo=UTC)


def test_every_certificate_has_its_own_serial_and_key() -> None:
    first, second = parsed(make(*NAMES)), parsed(make(*NAMES))
    assert first.serial_number != second.serial_number
    assert first.public_key() != second.public_key()
    assert first.serial_number.bit_length() < 160


def test_the_one_line_form_is_the_same_certificate() -> None:
    made = make(*NAMES)
    der = base64.b64decode(made.der_base64, validate=True)
    assert x509.load_der_x509_certificate(der) == parsed(made)


def test_the_private_key_is_not_in_the_repr() -> None:
    assert "PRIVATE" not in repr(make(*NAMES))


@pytest.mark.parametrize("name", ["api.dev.test", "127.0.0.7"])
def test_a_client_that_trusts_it_verifies_the_server(tmp_path: Path, name: str) -> None:
    made = make("api.dev.test", "127.0.0.7")
    assert shake_hands(tmp_path, presented=made, trusted=made, name=name) == "TLSv1.3"


@pytest.mark.parametrize("name", ["other.dev.test", "127.0.0.8"])
def test_a_client_refuses_it_for_another_name(tmp_path: Path, name: str) -> None:
    made = make("api.dev.test", "127.0.0.7")
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
        shake_hands(tmp_path, presented=made, trusted=made, name=name)


def test_a_client_refuses_another_environments_certificate(tmp_path: Path) -> None:
    presented, trusted = make("api.dev.test"), make("api.dev.test")
    with pytest.raises(ssl.SSLCertVerificationError, match="verify failed"):
        shake_hands(tmp_path, presented=presented, trusted=trusted, name="api.dev.test")


def shake_hands(
    folder: Path, *, presented: SelfSignedCertificate, trusted: SelfSignedCertificate, name: str
) -> str | None:
    """The TLS version that a client and a server in this process agree on."""
    chain = folder / "server.pem"
    chain.write_text(presented.private_key_pem + presented.certificate_pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    client = ssl.create_default_context(cadata=trusted.certificate_pem)
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as stream:
                stream.recv(1)
        except OSError:  # refused by the client, or gone before it was read
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname=name) as stream:
            return stream.version()
    finally:
        ours.close()
        thread.join()
