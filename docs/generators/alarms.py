"""Text of docs/alarms.md: every alarm of an environment, from the templates."""

import re
from collections.abc import Mapping
from typing import Any, Final

from checks.environment_template import ROOT, SUFFIX

PAGE: Final = ROOT / "docs" / "alarms.md"
PAGING_ALARM: Final = f"page-{SUFFIX}"
Template = Mapping[str, Any]

_COMPARISONS: Final = {
    "GreaterThanThreshold": "more than",
    "GreaterThanOrEqualToThreshold": "at least",
    "LessThanThreshold": "less than",
}
_TOP: Final = """\
# Alarms

`make docs` writes this page from the templates. Every alarm notifies the topic
`transaction-alarms-<suffix>`. Those that page also notify `transaction-pages-<suffix>`, together as
the one alarm `page`. The alarms of a branch notify the hub's topic instead of both. The two
windows of a burn rate notify when both are in alarm. "No data" is the state of an alarm while its
metric has no value.

| alarm | condition | pages | no data | runbook |
|---|---|---|---|---|
"""


def page(templates: Mapping[str, Template]) -> str:
    """One row for each alarm; a value that differs between kinds of environment names its kinds."""
    rows: dict[str, dict[str, list[str]]] = {}
    for kind, template in templates.items():
        paging = _paging(template)
        for logical_id, alarm in _all(template, "AWS::CloudWatch::Alarm").items():
            name = alarm["AlarmName"].removesuffix(f"-{SUFFIX}")
            runbook = alarm["AlarmDescription"].rpartition("/")[2]
            cells = (
                _condition(alarm),
                "yes" if logical_id in paging else "",
                "alarm" if alarm["TreatMissingData"] == "breaching" else "ok",
                f"[{runbook.removesuffix('.md')}](runbooks/{runbook})",
            )
            rows.setdefault(name, {}).setdefault(" | ".join(cells), []).append(kind)
    lines = []
    for name, found in sorted(rows.items()):
        for row, kinds in found.items():
            where = "" if len(kinds) == len(templates) else f" ({', '.join(kinds)})"
            lines.append(f"| {name}{where} | {row} |\n")
    return _TOP + "".join(lines)


def _condition(alarm: Mapping[str, Any]) -> str:
    """For example "CPUUtilization (Maximum) at least 80 for 2 minutes"."""
    metrics = [m["MetricStat"] for m in alarm.get("Metrics", []) if "MetricStat" in m]
    if metrics:
        (label,) = (m["Label"] for m in alarm["Metrics"] if "Expression" in m)
        names = ", ".join(sorted({m["Metric"]["MetricName"] for m in metrics}))
        what, period = f"{label} ({names})", metrics[0]["Period"]
    else:
        statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        what, period = f"{alarm['MetricName']} ({statistic})", alarm["Period"]
    values = alarm.get("DatapointsToAlarm", 1)
    minutes = period * values // 60
    time = f"{'for' if values > 1 else 'in'} {minutes} minute{'s' if minutes > 1 else ''}"
    return f"{what} {_COMPARISONS[alarm['ComparisonOperator']]} {alarm['Threshold']:g} {time}"


def _paging(template: Template) -> set[str]:
    """The logical ids of all alarms that the paging alarm consists of."""
    composites = _all(template, "AWS::CloudWatch::CompositeAlarm")
    members = {
        logical_id: set(re.findall(r"'Fn::GetAtt': \['(\w+)'", str(alarm["AlarmRule"])))
        for logical_id, alarm in composites.items()
    }
    (page_id,) = (i for i, alarm in composites.items() if alarm["AlarmName"] == PAGING_ALARM)
    return members[page_id].union(*(members.get(member, ()) for member in members[page_id]))


def _all(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    return {i: r["Properties"] for i, r in template["Resources"].items() if r["Type"] == kind}
