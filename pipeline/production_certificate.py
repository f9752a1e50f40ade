"""Production needs a domain: its clients verify a public certificate, not a file of ours."""

from typing import Final

from infra.config import PRODUCTION
from infra.errors import ConfigurationError
from pipeline.domains import KEY as DOMAINS

KEY: Final = "productionCertificate"
# For trials, and for one machine: production's certificate is signed by the environment itself.
SELF_SIGNED: Final = "self-signed"


def parse_production_certificate(value: object) -> str | None:
    """Read the key. Raises ConfigurationError."""
    if value is None or value == "":
        return None
    if value != SELF_SIGNED:
        raise ConfigurationError(
            f"{KEY} is {value!r}: it must be {SELF_SIGNED!r}, or not be set if "
            f"{DOMAINS}.{PRODUCTION.kind} is"
        )
    return SELF_SIGNED


def require_domain(*, has_domain: bool, certificate: str | None) -> None:
    """Raises ConfigurationError if production has no domain, unless a trial is asked for."""
    if not has_domain and certificate != SELF_SIGNED:
        raise ConfigurationError(
            f"{DOMAINS}.{PRODUCTION.kind} is missing, and the trunk deploys production: set it in "
            'cdk.json to {"name": "pay.example.com", "certificateArn": "arn:aws:acm:..."} '
            f"(docs/aws.md). Without a domain: promotion=environment deploys no production, and "
            f"{KEY}={SELF_SIGNED} is for trials"
        )
