"""The costs on the page are those of docs/cost.md."""

import re
from pathlib import Path

from page.readers.costs import Cost, cost_of
from tests.page.recorded import CHECKOUT, RecordedAccount


def _together() -> list[int]:
    """The totals of docs/cost.md: by kind of environment, idle and at 100 transactions a second."""
    page = Path(CHECKOUT / "docs" / "cost.md").read_text()
    row = re.findall(r"^\| \*\*together\*\* \|.*$", page, flags=re.MULTILINE)[0]
    return [int(total.replace(",", "")) for total in re.findall(r"\*\*([\d,]+)\*\*", row)]


def test_costs_are_those_of_the_documentation(aws: RecordedAccount) -> None:
    branch_idle, branch_busy, *_, production_idle, production_busy = _together()
    assert cost_of(aws, "feature-x-1a2b3c") == Cost(idle=branch_idle, busy=branch_busy)
    assert cost_of(aws, "production") == Cost(idle=production_idle, busy=production_busy)
