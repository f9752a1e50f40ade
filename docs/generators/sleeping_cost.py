"""The part of docs/cost.md about environments of branches that sleep at night and at weekends."""

from collections.abc import Mapping
from typing import Any, Final

from docs.generators import cost
from docs.generators.delivery_cost import BRANCHES

Template = Mapping[str, Any]

# Of a week with {"after": "20:00", "until": "07:00"}: five days of thirteen hours.
AWAKE_HOURS: Final = 5 * 13
WEEK_HOURS: Final = 7 * 24
ASLEEP_SHARE: Final = 1 - AWAKE_HOURS / WEEK_HOURS
TASKS, DATABASE = "tasks (Fargate)", "database (Aurora)"


def section(environment: Template) -> str:
    """Return the text for the template of a branch's environment."""
    month = {name: reckon(environment, cost.IDLE) for name, reckon in cost.SERVICES.items()}
    storage = 10 * cost.AURORA_GB_MONTH
    saved = {
        TASKS: month[TASKS] * ASLEEP_SHARE,
        DATABASE: (month[DATABASE] - storage) * ASLEEP_SHARE,
    }
    rows: list[tuple[str, float, float]] = [
        *((name, month[name], month[name] - saved[name]) for name in saved),
        (
            "all other rows",
            sum(month.values()) - sum(month[name] for name in saved),
            sum(month.values()) - sum(month[name] for name in saved),
        ),
    ]
    always, asleep = (sum(awake for _, awake, _ in rows), sum(rest for *_, rest in rows))
    lines = [
        "",
        "# What sleeping saves",
        "",
        f"One idle environment of a branch, and {BRANCHES}, a month, with "
        '`"sleep": {"after": "20:00", "until": "07:00", ...}`: awake for '
        f"{AWAKE_HOURS} of {WEEK_HOURS} hours a week.",
        "",
        "| | always awake | asleep at night and at weekends |",
        "|---|---:|---:|",
        *(f"| {name} | {before:,.0f} | {after:,.0f} |" for name, before, after in rows),
        f"| **one environment** | **{always:,.0f}** | **{asleep:,.0f}** |",
        f"| **{BRANCHES} environments** | **{BRANCHES * always:,.0f}** "
        f"| **{BRANCHES * asleep:,.0f}** |",
        "",
        "Of a stopped cluster AWS charges storage and backups only. NAT gateway, load balancer, "
        "alarms and",
        "keys cost the same while it sleeps: only deleting the environment saves those. "
        "A push at night",
        "wakes its environment until the next evening. Not counted: up to ten minutes to wake each",
        "morning, and the state machines, which look every 15 seconds whether a step is done "
        "(a few",
        "hundred transitions a day: 0.2 to 0.3 a month for each environment).",
        "",
    ]
    return "\n".join(lines)
