"""Text of docs/compliance/: the open rules of NIST 800-53 and PCI DSS, with reasons."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cdk_nag import NagPack, NIST80053R5Checks, PCIDSS321Checks

from checks.findings import Finding
from checks.open_controls import WHY_OPEN
from infra.errors import ConfigurationError

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "compliance"

_DESCRIPTION: Final = re.compile(
    r"(?P<text>.*?) - \(Control IDs?: (?P<controls>.*)\)\.?", re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """One page. Findings are named `{prefix}-{rule}`."""

    pack: type[NagPack]
    prefix: str
    title: str
    file: str


REPORTS: Final = (
    Report(
        pack=NIST80053R5Checks,
        prefix="NIST.800.53.R5-",
        title="NIST 800-53 revision 5",
        file="nist-800-53-r5.md",
    ),
    Report(
        pack=PCIDSS321Checks, prefix="PCI.DSS.321-", title="PCI DSS 3.2.1", file="pci-dss-3.2.1.md"
    ),
)


def open_rules(report: Report, findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return the findings of each rule of the report, by the rule's name without the prefix."""
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(findings):
        if finding.rule.startswith(report.prefix):
            by_rule[finding.rule.removeprefix(report.prefix)].append(finding)
    return by_rule


def page(report: Report, findings: Iterable[Finding]) -> str:
    """Return the page. Raises ConfigurationError for a rule without a reason."""
    by_rule = open_rules(report, findings)
    if unexplained := sorted(by_rule.keys() - WHY_OPEN.keys()):
        raise ConfigurationError(
            f"WHY_OPEN in checks/open_controls.py has no {', '.join(unexplained)}: a rule of "
            f"{report.title} that is open needs its reason there, or a correction"
        )
    stacks: dict[str, set[str]] = defaultdict(set)
    for finding in (f for found in by_rule.values() for f in found):
        stacks[_stack(finding.where)].add(finding.configuration)
    configurations = sorted({c for together in stacks.values() for c in together})
    lines = [
        f"# {report.title}: what is open, and why",
        "",
        "Written by `make docs` from the synthesized templates; [about this page](README.md). The",
        "numbers are places. Rules that find nothing are not listed.",
        "",
        "| rule | " + " | ".join(configurations) + " |",
        "|---|" + "---:|" * len(configurations),
    ]
    for rule, found in by_rule.items():
        counts = [
            str(len({f.where for f in found if f.configuration == c}) or "") for c in configurations
        ]
        lines.append(f"| [{rule}](#{rule.lower()}) | " + " | ".join(counts) + " |")
    for rule, found in by_rule.items():
        lines += ["", f"## {rule}", "", *_section(found), "", f"**Why:** {WHY_OPEN[rule]}", ""]
        lines += _places(found, stacks)
    return "\n".join([*lines, ""])


def _section(found: list[Finding]) -> list[str]:
    match = _DESCRIPTION.fullmatch(found[0].says)
    assert match is not None, found[0].says
    return [f"{match['text']}.", "", f"Controls: {match['controls']}"]


def _places(found: Iterable[Finding], stacks: Mapping[str, set[str]]) -> list[str]:
    """A line for each place; configurations are named unless they are all of its stack."""
    by_place: dict[str, set[str]] = defaultdict(set)
    for finding in found:
        by_place[finding.where].add(finding.configuration)
    return [
        f"* `{place.removesuffix('/Resource')}`"
        + ("" if these == stacks[_stack(place)] else f" ({', '.join(sorted(these))})")
        for place, these in sorted(by_place.items())
    ]


def _stack(place: str) -> str:
    return place.partition("/")[0]
