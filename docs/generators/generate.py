"""`make docs`: writes every page and picture that is generated from the synthesized templates."""

import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from checks import compliance
from checks.app_assemblies import BRANCH, TRUNK, synthesize
from checks.assembly import StackTemplate
from checks.environment_template import ROOT, environment_template
from checks.findings import Finding
from checks.nag import nag
from docs.generators import (
    alarms,
    architecture,
    branch_life,
    capacity_cost,
    cost,
    cost_numbers,
    delivery_cost,
    deployment_time,
    sleeping_cost,
)
from infra.config import EPHEMERAL, KINDS
from infra.errors import ConfigurationError


def of_environments(templates: Mapping[str, dict[str, Any]]) -> dict[Path, str]:
    """Return the pages generated from the template of each kind of environment."""
    return {
        architecture.PICTURE: architecture.draw(templates[EPHEMERAL.kind]),
        alarms.PAGE: alarms.page(templates),
        deployment_time.PAGE: deployment_time.page(templates),
    }


def of_costs(
    environments: Mapping[str, dict[str, Any]], templates: Iterable[StackTemplate]
) -> dict[Path, str]:
    """Return the page of costs: of each kind of environment, and of a branch's delivery."""
    hub, pipeline = _hub_and_pipeline(templates)
    branch = environments[EPHEMERAL.kind]
    sections = (
        delivery_cost.section(branch, pipeline, hub),
        sleeping_cost.section(branch),
        capacity_cost.section(branch),
    )
    return {
        cost.PAGE: cost.page(environments) + "".join(sections),
        cost_numbers.FILE: cost_numbers.text(environments),
    }


def of_branch(templates: Iterable[StackTemplate]) -> dict[Path, str]:
    """Return the pictures generated from the hub and the pipeline of a branch."""
    hub, pipeline = _hub_and_pipeline(templates)
    return {branch_life.PICTURE: branch_life.draw(hub, branch_life.stages_of(pipeline))}


def _hub_and_pipeline(templates: Iterable[StackTemplate]) -> list[dict[str, Any]]:
    files = {template.stack: template.file for template in templates}
    return [json.loads(files[s].read_text()) for s in ("BranchHub", "DeliveryPipeline")]


def of_findings(findings: Iterable[Finding]) -> dict[Path, str]:
    """The compliance reports. Raises ConfigurationError for an open rule without a reason."""
    found = list(findings)
    return {
        compliance.FOLDER / report.file: compliance.page(report, found)
        for report in compliance.REPORTS
    }


def environments() -> dict[str, dict[str, Any]]:
    """Synthesize each kind of environment."""
    return {config.kind: environment_template(config) for config in KINDS}


def reported(templates: Iterable[StackTemplate]) -> list[Finding]:
    """Return the findings of the compliance packs."""
    return list(nag(templates, [report.pack for report in compliance.REPORTS]))


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        branch = synthesize(Path(scratch) / "branch", extra=BRANCH)
        trunk = synthesize(Path(scratch) / "trunk", extra=TRUNK)
        try:
            texts = {
                **of_environments(kinds := environments()),
                **of_costs(kinds, branch),
                **of_branch(branch),
                **of_findings(reported([*branch, *trunk])),
            }
        except ConfigurationError as error:
            print(f"docs: {error}", file=sys.stderr)
            return 1
    for path, text in texts.items():
        has_changed = not path.exists() or path.read_text() != text
        path.write_text(text)
        print(f"{path.relative_to(ROOT)}: {'written anew' if has_changed else 'as it was'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
