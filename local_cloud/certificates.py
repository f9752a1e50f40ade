"""A local certificate authority for the database servers.

Clients verify its certificates with the same code with which they verify Amazon's on AWS, and as
strictly as Python does since 3.13 (RFC 5280: key identifiers, key usage, basic constraints).
"""

import datetime as dt
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

_VALIDITY_DAYS = 825
_Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, kw_only=True)
class CertificateFiles:
    """A PEM certificate and its private key, readable by their owner only."""

    certificate_file: Path
    key_file: Path


class LocalAuthority:
    """Issues server certificates. Created once per folder, then read from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate_file = folder / "ca.pem"
        self._key_file = folder / "ca.key"
        if not self._is_usable():
            self._create()

    def _is_usable(self) -> bool:
        """True if there is an authority that strict clients accept; older checkouts made others."""
        if not self.certificate_file.exists():
            return False
        certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        return any(e.oid == ExtensionOID.KEY_USAGE for e in certificate.extensions)

    def issue(self, *, name: str, addresses: Sequence[str]) -> CertificateFiles:
        """A certificate for literal IP `addresses`, kept as `<name>.pem` and `<name>.key`."""
        authority = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        authority_key = serialization.load_pem_private_key(self._key_file.read_bytes(), None)
        assert isinstance(authority_key, _Key)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(name, key, issuer=authority.subject, issuer_key=authority_key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
                ),
                critical=False,
            )
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        files = CertificateFiles(
            certificate_file=self.folder / f"{name}.pem", key_file=self.folder / f"{name}.key"
        )
        _write(files.certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
        _write(files.key_file, _pem(key))
        return files

    def _create(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = "local cloud database authority"
        certificate = (
            _builder(name, key, issuer=_name(name), issuer_key=key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        _write(self._key_file, _pem(key))
        _write(self.certificate_file, certificate.public_bytes(serialization.Encoding.PEM))


def _builder(
    name: str, key: _Key, *, issuer: x509.Name, issuer_key: _Key
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=_VALIDITY_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _pem(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
