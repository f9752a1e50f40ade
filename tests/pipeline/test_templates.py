"""Every template of a delivery is one that CloudFormation's own specification allows."""

import subprocess

from tests.infra.context import REPOSITORY
from tests.pipeline.conftest import Delivered


def test_the_templates_obey_the_cloudformation_specification(
    delivered: Delivered, trunk: Delivered
) -> None:
    """A branch's pipeline and environment, and the pipeline that goes on to production."""
    pipeline, environment = delivered.outdir.rglob("*.template.json")
    (to_production,) = trunk.outdir.glob("*.template.json")

    # All in one: starting takes as long as a template.
    done = subprocess.run(
        ["cfn-lint", *map(str, (pipeline, environment, to_production))],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")
