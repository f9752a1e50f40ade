"""Certificates of an environment without its own domain: its authority, and server certificates.

All have P-256 keys. A client that trusts only the authority can verify every server certificate.
"""

import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha1, sha256
from typing import Any

import ecdsa
from asn1crypto import keys, pem, x509
from ecdsa.util import sigencode_der

from lambda_src.environment_certificate.certificate_names import general_name, name_constraints

_SIGNATURE = {"algorithm": "sha256_ecdsa"}
_CLOCK_SKEW = timedelta(hours=1)
_SERIAL_BITS = 120  # positive, random, below the 20 octets that RFC 5280 allows


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate with its private key. Do not log the key; `repr` does not show it."""

    certificate_pem: str
    private_key_pem: str = field(repr=False)

    @property
    def der_base64(self) -> str:
        """The certificate in one line, where line breaks are not possible."""
        _, _, der = pem.unarmor(self.certificate_pem.encode())
        return b64encode(der).decode()


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """The time in which a certificate is valid."""

    begins: datetime
    ends: datetime

    @classmethod
    def of(cls, certificate_pem: str) -> "Lifetime":
        validity = _parsed(certificate_pem)["tbs_certificate"]["validity"]
        return cls(begins=validity["not_before"].native, ends=validity["not_after"].native)


def create_authority(
    names: tuple[str, ...], *, common_name: str, now: datetime, validity: timedelta
) -> Certificate:
    """A certificate authority that clients accept only for these DNS names and IP addresses."""
    key = ecdsa.SigningKey.generate(curve=ecdsa.NIST256p)
    key_id = _key_id(_public(key))
    subject = x509.Name.build({"common_name": common_name})
    critical = {
        "basic_constraints": {"ca": True, "path_len_constraint": 0},
        "key_usage": {"key_cert_sign", "crl_sign"},
        "name_constraints": name_constraints(names),
    }
    others = {
        "key_identifier": key_id,
        "authority_key_identifier": {"key_identifier": key_id},
    }
    body = _body(
        key,
        issuer=subject,
        subject=subject,
        lifetime=Lifetime(begins=now - _CLOCK_SKEW, ends=now + validity),
        extensions=_extensions(critical, others),
    )
    return _signed(body, own_key=key, signing_key=key)


def create_server_certificate(
    names: tuple[str, ...],
    *,
    authority: Certificate,
    common_name: str,
    now: datetime,
    validity: timedelta,
) -> Certificate:
    """A server certificate for these DNS names and IP addresses, signed by `authority`.

    It ends with the authority at the latest, because no client would accept it for longer.
    """
    key = ecdsa.SigningKey.generate(curve=ecdsa.NIST256p)
    issuer = _parsed(authority.certificate_pem)
    critical = {
        "basic_constraints": {"ca": False},
        "key_usage": {"digital_signature"},
    }
    others = {
        "extended_key_usage": ["server_auth"],
        "subject_alt_name": [general_name(name) for name in names],
        "key_identifier": _key_id(_public(key)),
        "authority_key_identifier": {"key_identifier": issuer.key_identifier},
    }
    ends = min(now + validity, Lifetime.of(authority.certificate_pem).ends)
    body = _body(
        key,
        issuer=issuer.subject,
        subject=x509.Name.build({"common_name": common_name}),
        lifetime=Lifetime(begins=now - _CLOCK_SKEW, ends=ends),
        extensions=_extensions(critical, others),
    )
    authority_key = ecdsa.SigningKey.from_pem(authority.private_key_pem)
    return _signed(body, own_key=key, signing_key=authority_key)


def _body(
    key: ecdsa.SigningKey,
    *,
    issuer: x509.Name,
    subject: x509.Name,
    lifetime: Lifetime,
    extensions: x509.Extensions,
) -> x509.TbsCertificate:
    return x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": secrets.randbits(_SERIAL_BITS) + 1,
            "signature": _SIGNATURE,
            "issuer": issuer,
            "validity": {
                "not_before": _time(lifetime.begins),
                "not_after": _time(lifetime.ends),
            },
            "subject": subject,
            "subject_public_key_info": _public(key),
            "extensions": extensions,
        }
    )


def _signed(
    body: x509.TbsCertificate, *, own_key: ecdsa.SigningKey, signing_key: ecdsa.SigningKey
) -> Certificate:
    # The library does not sign in constant time. A key signs a few times a year here, unobserved.
    signature = signing_key.sign(body.dump(), hashfunc=sha256, sigencode=sigencode_der)
    certificate = x509.Certificate(
        {
            "tbs_certificate": body,
            "signature_algorithm": _SIGNATURE,
            "signature_value": signature,
        }
    )
    return Certificate(
        certificate_pem=pem.armor("CERTIFICATE", certificate.dump()).decode(),
        private_key_pem=_pkcs8_pem(own_key),
    )


def _parsed(certificate_pem: str) -> x509.Certificate:
    _, _, der = pem.unarmor(certificate_pem.encode())
    return x509.Certificate.load(der)


def _public(key: ecdsa.SigningKey) -> keys.PublicKeyInfo:
    return keys.PublicKeyInfo.load(key.verifying_key.to_der())


def _key_id(public_key: keys.PublicKeyInfo) -> bytes:
    # The usual key identifier of RFC 5280: SHA-1 names the key here and protects nothing.
    return sha1(public_key["public_key"].native, usedforsecurity=False).digest()


def _pkcs8_pem(key: ecdsa.SigningKey) -> str:
    # Not with ecdsa: it writes version 2 of the structure, which strict readers refuse.
    private_key = keys.PrivateKeyInfo.wrap(keys.ECPrivateKey.load(key.to_der()), "ec")
    return str(pem.armor("PRIVATE KEY", private_key.dump()).decode())


def _extensions(critical: dict[str, Any], others: dict[str, Any]) -> x509.Extensions:
    return x509.Extensions(
        [
            {"extn_id": name, "critical": is_critical, "extn_value": value}
            for is_critical, group in ((True, critical), (False, others))
            for name, value in group.items()
        ]
    )


def _time(moment: datetime) -> x509.Time:
    # RFC 5280: two-digit years up to 2049, four digits from then on.
    form = "utc_time" if moment.year < 2050 else "general_time"
    return x509.Time(form, moment.replace(microsecond=0))
