"""S63: strict clients accept the local certificates, as the deployed Python accepts Amazon's."""

import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509

from local_cloud.certificates import CertificateFiles, LocalAuthority


def agreed(presented: CertificateFiles, *, roots: Path) -> str | None:
    """The TLS version that a strict client and this server agree on."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(presented.certificate_file, presented.key_file)
    client = ssl.create_default_context(cafile=roots)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as stream:
                stream.recv(1)
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname="127.0.0.1") as stream:
            return stream.version()
    finally:
        ours.close()
        thread.join()


def test_s63_a_strict_client_accepts_what_the_authority_issues(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path)
    issued = authority.issue(name="writer", addresses=["127.0.0.1"])
    assert agreed(issued, roots=authority.certificate_file) == "TLSv1.3"

    other = LocalAuthority(tmp_path / "other")
    with pytest.raises(ssl.SSLCertVerificationError):
        agreed(issued, roots=other.certificate_file)


def test_s63_an_existing_authority_is_used_again(tmp_path: Path) -> None:
    """Programs read its certificate once: later certificates must be of the same authority."""
    authority = LocalAuthority(tmp_path)
    issued = LocalAuthority(tmp_path).issue(name="writer", addresses=["127.0.0.1"])
    assert agreed(issued, roots=authority.certificate_file)


def test_s63_an_authority_that_strict_clients_refuse_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older checkouts left such an authority in the state folder."""
    with monkeypatch.context() as before:
        add_extension = x509.CertificateBuilder.add_extension

        def add_only_what_was_there(
            builder: x509.CertificateBuilder, extension: x509.ExtensionType, *, critical: bool
        ) -> x509.CertificateBuilder:
            if isinstance(extension, x509.BasicConstraints):
                return add_extension(builder, extension, critical=critical)
            return builder

        before.setattr(x509.CertificateBuilder, "add_extension", add_only_what_was_there)
        LocalAuthority(tmp_path)

    authority = LocalAuthority(tmp_path)
    issued = authority.issue(name="writer", addresses=["127.0.0.1"])
    assert agreed(issued, roots=authority.certificate_file) == "TLSv1.3"
