"""B8, S8: every generated page and picture matches the templates of this commit."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from checks.assembly import StackTemplate
from checks.environment_template import ROOT
from checks.findings import Finding
from docs.generators import cost, generate
from infra.config import EPHEMERAL
from tests.docs.conftest import Template
from tests.infra.templates import Synthesized


def assert_current(files: Mapping[Path, str]) -> None:
    outdated = [
        str(path.relative_to(ROOT))
        for path, text in files.items()
        if not path.exists() or path.read_text() != text
    ]
    assert outdated == [], "not generated from these templates: run `make docs` and commit it"


def test_b8_pages_of_environments_match_the_current_templates(
    environments: dict[str, Template],
) -> None:
    assert_current(generate.of_environments(environments))


def test_the_costs_match_the_current_templates(
    environments: dict[str, Template], branch: list[StackTemplate]
) -> None:
    assert_current(generate.of_costs(environments, branch))


def test_s8_the_picture_matches_the_current_hub_and_pipeline(
    branch: list[StackTemplate],
) -> None:
    assert_current(generate.of_branch(branch))


def test_the_compliance_reports_match_the_current_templates(reported: list[Finding]) -> None:
    assert_current(generate.of_findings(reported))


def test_a_page_that_is_out_of_date_is_named_with_the_command() -> None:
    with pytest.raises(AssertionError, match=r"run `make docs`(.|\n)*docs/cost\.md"):
        assert_current({cost.PAGE: "of another template"})


def test_environments_are_synthesized_as_they_are_deployed(
    environments: dict[str, Template],
) -> None:
    deployed = Synthesized.environment(EPHEMERAL)

    assert environments[EPHEMERAL.kind]["Resources"].keys() == deployed.resources.keys()
