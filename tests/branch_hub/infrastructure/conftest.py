"""The hubs of the synthesized pipelines: one for each kind of source."""

import pytest

from tests.branch_hub.infrastructure.arns import rendered
from tests.branch_hub.infrastructure.asl import Definition
from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB
from tests.branch_hub.infrastructure.iam_request import Statement
from tests.branch_hub.infrastructure.limited import Limited
from tests.delivered import Delivered
from tests.infra.templates import Synthesized


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


@pytest.fixture
def sleep(hub: Synthesized) -> Definition:
    return Definition.of(hub, f"branch-sleep-{CODECOMMIT_HUB}")


@pytest.fixture
def wake(hub: Synthesized) -> Definition:
    return Definition.of(hub, f"branch-wake-{CODECOMMIT_HUB}")


@pytest.fixture(params=["create", "destroy", "sleep", "wake"])
def machine(request: pytest.FixtureRequest) -> Definition:
    definition: Definition = request.getfixturevalue(request.param)
    return definition


@pytest.fixture
def boundary(hub: Synthesized) -> list[Statement]:
    policy = hub.one(
        "AWS::IAM::ManagedPolicy", ManagedPolicyName=f"branch-boundary-{CODECOMMIT_HUB}"
    )
    return list(rendered(policy["PolicyDocument"]["Statement"]))


@pytest.fixture
def branch(boundary: list[Statement]) -> Limited:
    return Limited(boundary)
