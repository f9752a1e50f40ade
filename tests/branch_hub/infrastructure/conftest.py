"""The hubs of the synthesized pipelines: one for each kind of source."""

import pytest

from infra.naming import EnvironmentSuffix
from tests.branch_hub.infrastructure.asl import Definition
from tests.delivered import Delivered
from tests.infra.templates import Synthesized

# Suffixes of the repositories in tests/delivered.py.
CODECOMMIT_HUB = str(EnvironmentSuffix.of_repository("transaction-pipeline"))
GITHUB_HUB = str(EnvironmentSuffix.of_repository("acme/ledger"))


@pytest.fixture
def hub(delivered: Delivered) -> Synthesized:
    """The hub of a CodeCommit repository, in a known account."""
    assert delivered.hub is not None
    return delivered.hub


@pytest.fixture
def github_hub(from_github: Delivered) -> Synthesized:
    """The hub of a GitHub repository, for any account."""
    assert from_github.hub is not None
    return from_github.hub


@pytest.fixture(params=["hub", "github_hub"])
def every_hub(request: pytest.FixtureRequest) -> Synthesized:
    stack: Synthesized = request.getfixturevalue(request.param)
    return stack


@pytest.fixture
def create(hub: Synthesized) -> Definition:
    return Definition.of(hub, f"branch-create-{CODECOMMIT_HUB}")


@pytest.fixture
def destroy(hub: Synthesized) -> Definition:
    return Definition.of(hub, f"branch-destroy-{CODECOMMIT_HUB}")


@pytest.fixture(params=["create", "destroy"])
def machine(request: pytest.FixtureRequest) -> Definition:
    definition: Definition = request.getfixturevalue(request.param)
    return definition
