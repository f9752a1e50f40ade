"""The part of docs/cost.md about tasks on Graviton and on Fargate Spot."""

from collections.abc import Mapping
from typing import Any, Final

from docs.generators import cost
from docs.generators.delivery_cost import BRANCHES
from infra.task_capacity import ON_DEMAND_TASKS

Template = Mapping[str, Any]

# List prices of us-east-1 in US dollars. The page names the sources.
ARM_CPU_HOUR, ARM_GB_HOUR = 0.03238, 0.00356
SPOT_DISCOUNT: Final = 0.6  # assumed; AWS says "up to 70 %", and it varies


def section(environment: Template) -> str:
    """Return the text for the template of a branch's environment."""
    rows = {
        "x86, on demand (the default)": month(environment),
        "Graviton": month(environment, is_arm=True),
        "Spot": month(environment, is_spot=True),
        "Graviton and Spot": month(environment, is_arm=True, is_spot=True),
    }
    lines = [
        "",
        "# What Graviton and Spot save",
        "",
        f"The tasks of one environment of a branch at the minimum, and of {BRANCHES}, a month, by "
        "[`taskCapacity`](aws.md#tasks-on-graviton-and-spot).",
        "",
        f"| tasks on | one environment | {BRANCHES} environments |",
        "|---|---:|---:|",
        *(f"| {name} | {each:.1f} | {BRANCHES * each:,.0f} |" for name, each in rows.items()),
        "",
        "Only synthesized: no task of this project has run on either. Prices:",
        "[Fargate](https://aws.amazon.com/fargate/pricing/), "
        f"{cost.FARGATE_CPU_HOUR} an hour and vCPU and {cost.FARGATE_GB_HOUR} an hour and GB on",
        f"x86, {ARM_CPU_HOUR} and {ARM_GB_HOUR} on ARM "
        "([quoted](https://www.vantage.sh/blog/fargate-pricing), not read at AWS). The",
        f"price of Spot varies, and AWS names a discount of up to 70 %: assumed are "
        f"{SPOT_DISCOUNT:.0%}, of ARM's",
        f"price, too. Of the tasks, {ON_DEMAND_TASKS} is always on demand and has no discount. "
        "An environment that also",
        "sleeps pays this for the hours in which it is awake.",
        "",
    ]
    return "\n".join(lines)


def month(environment: Template, *, is_arm: bool = False, is_spot: bool = False) -> float:
    """What the minimum of tasks costs a month."""
    task = _one(environment, "AWS::ECS::TaskDefinition")
    count = int(_one(environment, "AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"])
    cpu_hour, gb_hour = (
        (ARM_CPU_HOUR, ARM_GB_HOUR) if is_arm else (cost.FARGATE_CPU_HOUR, cost.FARGATE_GB_HOUR)
    )
    each = int(task["Cpu"]) / 1024 * cpu_hour + int(task["Memory"]) / 1024 * gb_hour
    discounted = count - ON_DEMAND_TASKS if is_spot else 0
    return each * (count - discounted * SPOT_DISCOUNT) * cost.HOURS


def _one(environment: Template, kind: str) -> dict[str, Any]:
    (found,) = (r["Properties"] for r in environment["Resources"].values() if r["Type"] == kind)
    return dict(found)
