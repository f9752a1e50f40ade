"""The configurations of an environment that tests look at."""

from typing import Final

from infra.config import EPHEMERAL, PRODUCTION, STAGING
from infra.domain import DomainConfig, HostedZone

CERTIFICATE_ARN: Final = "arn:aws:acm:us-east-1:111111111111:certificate/0a1b"

PRODUCTION_ELSEWHERE: Final = PRODUCTION.adjusted(
    api_port=8443, database_ca_file="/etc/own-ca.pem", engine_version="15.10"
)

# AWS creates another version of the engine than the one that is asked for.
STAGING_WITH_NEWER_ENGINE: Final = STAGING.adjusted(
    api_port=443, database_ca_file=None, engine_version=None, creatable_engine_version="15.12"
)

# With what is optional: a name of its own with a certificate, and a person to tell.
NAMED: Final = EPHEMERAL.adjusted(
    api_port=443,
    database_ca_file=None,
    engine_version=None,
    alarm_email="ops@example.com",
    domain=DomainConfig(
        name="*.pay.example.com",
        certificate_arn=CERTIFICATE_ARN,
        zone=HostedZone(id="Z0123456789AB", name="example.com"),
    ),
)
