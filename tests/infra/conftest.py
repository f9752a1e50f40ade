"""One synth per configuration."""

import pytest

from infra.config import EPHEMERAL, PRODUCTION
from tests.infra.templates import Synthesized


@pytest.fixture(scope="session")
def ephemeral() -> Synthesized:
    return Synthesized.environment(EPHEMERAL)


@pytest.fixture(scope="session")
def production() -> Synthesized:
    adjusted = PRODUCTION.adjusted(
        api_port=8443, database_ca_file="/etc/own-ca.pem", engine_version="15.10"
    )
    return Synthesized.environment(adjusted)


@pytest.fixture(params=["ephemeral", "production"])
def every(request: pytest.FixtureRequest) -> Synthesized:
    """Each configuration in turn, for what must hold in all of them."""
    stack: Synthesized = request.getfixturevalue(request.param)
    return stack
