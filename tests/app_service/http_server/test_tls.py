"""The certificate that each task creates for itself."""

import ssl
import tempfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app_service.http_server.tls import self_signed, server_context


@pytest.mark.parametrize("name", ["127.83.4.1", "::1", "task.internal"])
def test_s63_a_client_that_trusts_it_can_verify_the_name(name: str) -> None:
    """S63: a real handshake, in memory, with verification of chain and name."""
    client = ssl.create_default_context(cadata=_certificate_of(context := server_context(name)))
    assert _handshake(client, context, name) in ("TLSv1.3", "TLSv1.2")
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(client, context, "another.name")


def test_s63_old_tls_is_refused() -> None:
    assert server_context("localhost").minimum_version is ssl.TLSVersion.TLSv1_2


def test_every_task_has_a_key_of_its_own_on_p256() -> None:
    keys = [serialization.load_pem_private_key(self_signed("x")[1], None) for _ in range(2)]
    numbers = set()
    for key in keys:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert isinstance(key.curve, ec.SECP256R1)
        numbers.add(key.private_numbers().private_value)
    assert len(numbers) == 2


def test_the_key_does_not_stay_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []

    def load(_context: ssl.SSLContext, certfile: str) -> None:
        seen.append(Path(certfile).stat().st_mode & 0o777)
        assert Path(certfile).is_relative_to(tmp_path)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)
    server_context("localhost")
    assert seen == [0o600]
    assert list(tmp_path.iterdir()) == []


def test_the_certificate_is_for_servers_alone() -> None:
    certificate = x509.load_pem_x509_certificate(self_signed("localhost")[0])
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]


def _certificate_of(context: ssl.SSLContext) -> str:
    """The certificate that a client receives in a handshake."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    ends = _shake(client, context, "x")
    der = ends.getpeercert(binary_form=True)
    assert der is not None
    return ssl.DER_cert_to_PEM_cert(der)


def _handshake(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> str | None:
    return _shake(client, server, name).version()


def _shake(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> ssl.SSLObject:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    open_ends = [ours, theirs]
    for _ in range(10):
        for end in list(open_ends):
            try:
                end.do_handshake()
                open_ends.remove(end)
            except ssl.SSLWantReadError:
                pass
        if not open_ends:
            break
    return ours
