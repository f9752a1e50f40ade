"""One synth per configuration."""

import pytest

from infra.config import EPHEMERAL, PRODUCTION, STAGING
from tests.infra.templates import LONGEST, Synthesized


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


@pytest.fixture(params=["ephemeral", "production"])
def every(request: pytest.FixtureRequest) -> Synthesized:
    """Each configuration in turn, for what must hold in all of them."""
    stack: Synthesized = request.getfixturevalue(request.param)
    return stack
