"""One run of the reconciler by the number of branches."""

from dataclasses import dataclass
from typing import Final

from bench.charts import Curves, Line
from bench.pictures.record import Picture


@dataclass(frozen=True, kw_only=True)
class Branches:
    run: str
    counts: list[int]
    seconds: list[float]
    calls: list[int]
    aim_seconds: float
    aim_count: int  # of branches, for which the aim holds


def _panels(found: Branches) -> list[Curves]:
    return [
        Curves(
            title="One run of the reconciler",
            x_label="branches",
            y_label="seconds",
            logarithmic=True,
            lines=[
                Line(
                    name="seen",
                    points=list(zip(found.counts, found.seconds, strict=True)),
                    dots=True,
                )
            ],
            levels={f"aim for {found.aim_count} branches: less than this": found.aim_seconds},
        ),
        Curves(
            title="Its calls to AWS: what grows there",
            x_label="branches",
            y_label="calls",
            lines=[
                Line(
                    name="seen", points=list(zip(found.counts, found.calls, strict=True)), dots=True
                )
            ],
        ),
    ]


BRANCHES: Final = Picture(name="branches", kind=Branches, panels=_panels, run=lambda each: each.run)
