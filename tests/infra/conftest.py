"""One synth per configuration."""

import pytest

from infra.config import EPHEMERAL
from tests.infra.configurations import (
    EVERY,
    NAMED,
    PRODUCTION_ELSEWHERE,
    STAGING_WITH_NEWER_ENGINE,
)
from tests.infra.templates import LONGEST, Synthesized


@pytest.fixture(scope="session")
def ephemeral() -> Synthesized:
    return Synthesized.environment(EPHEMERAL)


@pytest.fixture(scope="session")
def production() -> Synthesized:
    return Synthesized.environment(PRODUCTION_ELSEWHERE)


@pytest.fixture(scope="session")
def longest() -> Synthesized:
    """The environment with the longest names."""
    return Synthesized.environment(STAGING_WITH_NEWER_ENGINE, suffix=LONGEST)


@pytest.fixture(scope="session")
def named() -> Synthesized:
    return Synthesized.environment(NAMED)


@pytest.fixture(params=EVERY)
def every(request: pytest.FixtureRequest) -> Synthesized:
    """Each configuration in turn, for what must hold in all of them."""
    return Synthesized.environment(EVERY[request.param])
