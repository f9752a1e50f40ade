"""The ledger's speed: how far each goal is reached, and the service under a growing load."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bench.charts import Bars, Curves, Line, Panel
from bench.pictures.record import Picture

_NAME_WIDTH: Final = 40


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A row of the table. `bar` and `moonshot` are in the terms of the ratio, if it has one."""

    ratio: float | None
    value: float
    unit: str
    bar: float | None
    moonshot: float | None

    @property
    def measured(self) -> float:
        return self.value if self.ratio is None else self.ratio


@dataclass(frozen=True, kw_only=True)
class Offered:
    """One point of the load curve."""

    offered: float  # requests per second
    answered: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, kw_only=True)
class Ledger:
    machine: str
    commit: str
    day: str
    versions: dict[str, str]
    rows: dict[str, Goal]
    curve: list[Offered]
    curve_of: str = ""  # where it is of another run


def times_the_bar(goal: Goal, value: float) -> float:
    """More is better, also of times and of memory."""
    assert goal.bar is not None
    smaller_is_better = goal.moonshot is not None and goal.moonshot < goal.bar
    return goal.bar / value if smaller_is_better else value / goal.bar


def number(value: float) -> str:
    """Three digits say enough."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _panels(ledger: Ledger) -> list[Panel]:
    goals = {name: goal for name, goal in ledger.rows.items() if goal.bar is not None}
    return [*([_reached(goals)] if goals else []), *(_curve(ledger) if ledger.curve else [])]


def _reached(goals: Mapping[str, Goal]) -> Bars:
    return Bars(
        title="How far each goal is reached",
        x_label="times the bar (times and memory: the bar divided by them)",
        names=[textwrap.fill(name, _NAME_WIDTH) for name in goals],
        values={"measured": [times_the_bar(goal, goal.measured) for goal in goals.values()]},
        texts=[_measured(goal) for goal in goals.values()],
        goals={
            "moonshot": [
                None if goal.moonshot is None else times_the_bar(goal, goal.moonshot)
                for goal in goals.values()
            ]
        },
        levels={"bar": 1.0},
    )


def _measured(goal: Goal) -> str:
    value = f"{number(goal.value)} {goal.unit}"
    if goal.ratio is None:
        return f"{value}\nbar {goal.bar:g}"
    return f"ratio {goal.ratio:.2f}, bar {goal.bar:g}\n{value}"


def _curve(ledger: Ledger) -> list[Curves]:
    title = f"POST /transactions under a growing load{ledger.curve_of}"
    points = ledger.curve
    return [
        Curves(
            title=title,
            x_label="offered requests per second",
            y_label="answered per second",
            lines=[
                Line(
                    name="answered", points=[(at.offered, at.answered) for at in points], dots=True
                ),
                Line(name="offered", points=[(at.offered, at.offered) for at in points]),
            ],
        ),
        Curves(
            title="Time to the answer",
            x_label="offered requests per second",
            y_label="milliseconds",
            logarithmic=True,
            lines=[
                Line(name="p99", points=[(at.offered, at.p99_ms) for at in points], dots=True),
                Line(name="p50", points=[(at.offered, at.p50_ms) for at in points], dots=True),
            ],
        ),
    ]


LEDGER: Final = Picture(
    name="ledger",
    record_name="latest",
    kind=Ledger,
    panels=_panels,
    run=lambda ledger: f"make bench at commit {ledger.commit} on {ledger.day}: {ledger.machine}",
)
