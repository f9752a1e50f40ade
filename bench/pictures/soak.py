"""A soak: its faults, and what was sent and is in the ledger, second by second.

`python -m bench.pictures.soak <folder>` draws `soak.json` there: `make soak` calls it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from bench.charts import Curves, Line, Span
from bench.pictures.record import Picture, RecordBroken


@dataclass(frozen=True, kw_only=True)
class Soak:
    """Sums at each of `seconds`."""

    run: str
    seconds: list[float]
    faults: list[int]
    sent: list[int]
    recorded: list[int]
    faults_ended: float
    problems: list[str]


def _panels(soak: Soak) -> list[Curves]:
    span = Span(
        begin=0.0,
        end=soak.faults_ended,
        label="load under faults; then everything must arrive without",
    )
    return [
        Curves(
            title="Soak: calls that got a fault",
            x_label="seconds",
            y_label="faults in a second",
            lines=[Line(name="faults", points=_each_second(soak.seconds, soak.faults), steps=True)],
            spans=[span],
        ),
        Curves(
            title="What was sent, and what is in the ledger as posted or refused",
            x_label="seconds",
            y_label="transactions",
            lines=[
                Line(
                    name="acknowledged, also repeated and invalid ones",
                    points=_points(soak.seconds, soak.sent),
                ),
                Line(name="in the ledger", points=_points(soak.seconds, soak.recorded)),
            ],
            spans=[span],
            explains_marks=False,
        ),
    ]


def _points(seconds: Sequence[float], sums: Sequence[int]) -> list[tuple[float, float | None]]:
    return list(zip(seconds, sums, strict=True))


def _each_second(seconds: Sequence[float], sums: Sequence[int]) -> list[tuple[float, float | None]]:
    steps = zip(pairwise(seconds), pairwise(sums), strict=True)
    return [(begin, (after - before) / (end - begin)) for (begin, end), (before, after) in steps]


def _said(soak: Soak) -> str:
    if soak.problems:
        return f"{soak.run}\nNOT consistent: {soak.problems[0]}"
    return f"{soak.run}\nconsistent: every message is accounted for"


SOAK: Final = Picture(name="soak", kind=Soak, panels=_panels, run=_said)


def main() -> int:
    try:
        SOAK.draw(Path(sys.argv[1]))
    except RecordBroken as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
