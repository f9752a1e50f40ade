"""Creates the certificate of an environment without its own domain: P-256, self-signed."""

import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha1, sha256
from ipaddress import ip_address

import ecdsa
from asn1crypto import keys, pem, x509
from ecdsa.util import sigencode_der

_SIGNATURE = {"algorithm": "sha256_ecdsa"}
_CLOCK_SKEW = timedelta(hours=1)
_SERIAL_BITS = 120  # positive, random, below the 20 octets that RFC 5280 allows


@dataclass(frozen=True, kw_only=True)
class SelfSignedCertificate:
    certificate_pem: str
    private_key_pem: str = field(repr=False)

    @property
    def der_base64(self) -> str:
        """The certificate in one line, where line breaks are not possible."""
        _, _, der = pem.unarmor(self.certificate_pem.encode())
        return b64encode(der).decode()


def create_certificate(
    names: tuple[str, ...], *, common_name: str, now: datetime, validity: timedelta
) -> SelfSignedCertificate:
    """A self-signed server certificate for these DNS names and IP addresses.

    A client that trusts only this certificate can verify the server.
    """
    # The library does not sign in constant time; each key signs once here, unobserved.
    key = ecdsa.SigningKey.generate(curve=ecdsa.NIST256p)
    public_key = keys.PublicKeyInfo.load(key.verifying_key.to_der())
    subject = x509.Name.build({"common_name": common_name})
    body = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": secrets.randbits(_SERIAL_BITS) + 1,
            "signature": _SIGNATURE,
            "issuer": subject,
            "validity": {
                "not_before": _time(now - _CLOCK_SKEW),
                "not_after": _time(now + validity),
            },
            "subject": subject,
            "subject_public_key_info": public_key,
            "extensions": _extensions(names, public_key),
        }
    )
    certificate = x509.Certificate(
        {
            "tbs_certificate": body,
            "signature_algorithm": _SIGNATURE,
            "signature_value": key.sign(body.dump(), hashfunc=sha256, sigencode=sigencode_der),
        }
    )
    return SelfSignedCertificate(
        certificate_pem=pem.armor("CERTIFICATE", certificate.dump()).decode(),
        private_key_pem=_pkcs8_pem(key),
    )


def _pkcs8_pem(key: ecdsa.SigningKey) -> str:
    # Not with ecdsa: it writes version 2 of the structure, which strict readers refuse.
    private_key = keys.PrivateKeyInfo.wrap(keys.ECPrivateKey.load(key.to_der()), "ec")
    return str(pem.armor("PRIVATE KEY", private_key.dump()).decode())


def _extensions(names: tuple[str, ...], public_key: keys.PublicKeyInfo) -> x509.Extensions:
    # The usual key identifier of RFC 5280: SHA-1 names the key here and protects nothing.
    key_id = sha1(public_key["public_key"].native, usedforsecurity=False).digest()
    critical = {
        "basic_constraints": {"ca": True, "path_len_constraint": 0},
        "key_usage": {"digital_signature", "key_cert_sign"},
    }
    others = {
        "extended_key_usage": ["server_auth"],
        "subject_alt_name": [_general_name(name) for name in names],
        "key_identifier": key_id,
        "authority_key_identifier": {"key_identifier": key_id},
    }
    return x509.Extensions(
        [
            {"extn_id": name, "critical": is_critical, "extn_value": value}
            for is_critical, group in ((True, critical), (False, others))
            for name, value in group.items()
        ]
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.GeneralName("ip_address", str(ip_address(name)))
    except ValueError:
        return x509.GeneralName("dns_name", name)


def _time(moment: datetime) -> x509.Time:
    # RFC 5280: two-digit years up to 2049, four digits from then on.
    form = "utc_time" if moment.year < 2050 else "general_time"
    return x509.Time(form, moment.replace(microsecond=0))
