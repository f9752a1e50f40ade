"""B13: the gates hold for an environment and a pipeline with tasks on Graviton and Spot, too."""

import pytest

from checks.assembly import StackTemplate, stack_templates
from checks.checkov_scan import checkov
from checks.findings import not_accepted
from checks.lint import lint
from checks.nag import GATES, nag
from checks.wildcards import RULE as WILDCARD
from tests.checks.test_gates import SUPPRESSIONS
from tests.delivered import Delivered
from tests.infra.context import REPOSITORY

BOTH = {"ephemeral": {"cpuArchitecture": "ARM64", "fargateSpot": True}}


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> list[StackTemplate]:
    delivered = Delivered.synthesize(
        tmp_path_factory.mktemp("capacity") / "cdk.out", branch="feature/x", taskCapacity=BOTH
    )
    return list(stack_templates(delivered.outdir))


def test_b13_every_finding_is_corrected_or_accepted(templates: list[StackTemplate]) -> None:
    # tests/checks/test_gates.py has the wildcards: the capacity adds no statement to a policy.
    nagged = [f for f in nag(templates, GATES) if f.rule != WILDCARD]
    scanned = checkov(templates, REPOSITORY / "app_service/Dockerfile")

    assert "\n".join(not_accepted([*nagged, *scanned], SUPPRESSIONS)) == ""


def test_b13_the_templates_obey_the_cloudformation_specification(
    templates: list[StackTemplate],
) -> None:
    assert lint(templates) == ""
