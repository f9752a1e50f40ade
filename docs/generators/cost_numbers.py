"""docs/cost.json: the totals of docs/cost.md, for programs that know no template."""

import json
from collections.abc import Mapping
from typing import Final

from checks.environment_template import ROOT
from docs.generators.cost import BUSY, IDLE, SERVICES, Load, Template

FILE: Final = ROOT / "docs" / "cost.json"


def text(templates: Mapping[str, Template]) -> str:
    """US dollars a month by kind of environment: idle, and at 100 transactions a second."""
    totals = {
        kind: {"idle": _total(template, IDLE), "busy": _total(template, BUSY)}
        for kind, template in templates.items()
    }
    return json.dumps(totals, indent=1) + "\n"


def _total(template: Template, load: Load) -> int:
    return round(sum(reckon(template, load) for reckon in SERVICES.values()))
