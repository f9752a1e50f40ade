"""The environment configurations that tests synthesize."""

from typing import Final

from infra.config import EPHEMERAL, KINDS, PRODUCTION, STAGING, EnvironmentConfig
from infra.domain import DomainConfig, HostedZone

CERTIFICATE_ARN: Final = "arn:aws:acm:us-east-1:111111111111:certificate/0a1b"

PRODUCTION_ELSEWHERE: Final = PRODUCTION.adjusted(
    api_port=8443, database_ca_file="/etc/own-ca.pem", engine_version="15.10"
)

# AWS no longer creates the requested engine version, so another one is used.
STAGING_WITH_NEWER_ENGINE: Final = STAGING.adjusted(
    api_port=443, database_ca_file=None, engine_version=None, chosen_engine_version="15.12"
)

# With everything that is optional: a domain with its certificate, and an address for alarms.
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

# As the hub creates it for a branch: its alarms are sent to the hub's topic.
OF_THE_HUB: Final = EPHEMERAL.adjusted(
    api_port=443,
    database_ca_file=None,
    engine_version=None,
    alarm_email="ops@example.com",
    shared_topic="branch-notices-hub-0a1b2c",
)

# Every kind, and an environment with all optional parts.
EVERY: Final[dict[str, EnvironmentConfig]] = {
    **{config.kind: config for config in KINDS},
    PRODUCTION.kind: PRODUCTION_ELSEWHERE,
    "named": NAMED,
}
