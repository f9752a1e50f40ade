"""The templates from which `make docs` generates pages, synthesized once."""

from typing import Any

import pytest

from checks.app_assemblies import BRANCH, TRUNK, synthesize
from checks.assembly import StackTemplate
from checks.findings import Finding
from docs.generators import generate

Template = dict[str, Any]


@pytest.fixture(scope="session")
def environments() -> dict[str, Template]:
    """The template of each kind of environment."""
    return generate.environments()


@pytest.fixture(scope="session")
def branch(tmp_path_factory: pytest.TempPathFactory) -> list[StackTemplate]:
    return synthesize(tmp_path_factory.mktemp("branch") / "cdk.out", extra=BRANCH)


@pytest.fixture(scope="session")
def reported(
    branch: list[StackTemplate], tmp_path_factory: pytest.TempPathFactory
) -> list[Finding]:
    """The findings of the compliance reports, in every configuration."""
    trunk = synthesize(tmp_path_factory.mktemp("trunk") / "cdk.out", extra=TRUNK)
    return generate.reported([*branch, *trunk])
