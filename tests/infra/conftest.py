"""One synth per configuration."""

import pytest

from infra.config import EPHEMERAL, PRODUCTION, STAGING
from infra.domain import DomainConfig, HostedZone
from tests.infra.templates import LONGEST, Synthesized

CERTIFICATE_ARN = "arn:aws:acm:us-east-1:111111111111:certificate/0a1b"


@pytest.fixture(scope="session")
def ephemeral() -> Synthesized:
    return Synthesized.environment(EPHEMERAL)


@pytest.fixture(scope="session")
def production() -> Synthesized:
    adjusted = PRODUCTION.adjusted(
        api_port=8443, database_ca_file="/etc/own-ca.pem", engine_version="15.10"
    )
    return Synthesized.environment(adjusted)


@pytest.fixture(scope="session")
def longest() -> Synthesized:
    """The environment with the longest names, where AWS creates another version of the engine."""
    adjusted = STAGING.adjusted(
        api_port=443,
        database_ca_file=None,
        engine_version=None,
        creatable_engine_version="15.12",
    )
    return Synthesized.environment(adjusted, suffix=LONGEST)


@pytest.fixture(scope="session")
def named() -> Synthesized:
    """With what is optional: a name of its own with a certificate, and a person to tell."""
    adjusted = EPHEMERAL.adjusted(
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
    return Synthesized.environment(adjusted)


@pytest.fixture(params=["ephemeral", "named", "production"])
def every(request: pytest.FixtureRequest) -> Synthesized:
    """Each configuration in turn, for what must hold in all of them."""
    stack: Synthesized = request.getfixturevalue(request.param)
    return stack
