"""Times of set-up and deliveries, and what an idle local cloud takes, beside their aims."""

from dataclasses import dataclass
from typing import Final

from bench.charts import Bars
from bench.pictures.record import Picture


@dataclass(frozen=True, kw_only=True)
class Step:
    """`aim` is the most that it should be."""

    what: str
    seen: float
    unit: str
    aim: float | None = None
    digits: int = 0

    @property
    def said(self) -> str:
        return f"{self.seen:.{self.digits}f} {self.unit}"

    @property
    def aim_said(self) -> str:
        return "" if self.aim is None else f"under {self.aim:g} {self.unit}"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    run: str
    steps: list[Step]


def _panels(delivery: Delivery) -> list[Bars]:
    times = [step for step in delivery.steps if step.unit == "s"]
    sizes = [step for step in delivery.steps if step.unit != "s" and step.aim]
    return [
        Bars(
            title="How long it takes",
            x_label="seconds",
            names=[_name(step) for step in times],
            values={"seen": [step.seen for step in times]},
            texts=[step.said for step in times],
            goals={"aim: less than this": [step.aim for step in times]},
        ),
        Bars(
            title="What it needs",
            x_label="share of the aim; less is better",
            names=[_name(step) for step in sizes],
            values={"seen": [step.seen / (step.aim or 1) for step in sizes]},
            texts=[f"{step.said}\naim {step.aim:g}" for step in sizes],
            levels={"aim": 1.0},
        ),
    ]


def _name(step: Step) -> str:
    return step.what.replace("`", "").replace(", ", ",\n", 1)


DELIVERY: Final = Picture(
    name="delivery", kind=Delivery, panels=_panels, run=lambda delivery: delivery.run
)
