"""The queue that is drained: what each stage has done, second by second."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.charts import Curves, Line
from bench.pictures.record import Picture

_RATE_OVER_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Drain:
    """Sums at each of `seconds`."""

    run: str
    seconds: list[float]
    sent: list[int]
    posted: list[int]
    audited: list[int]


def _panels(drain: Drain) -> list[Curves]:
    stages = {"sent": drain.sent, "posted": drain.posted, "in the bucket": drain.audited}

    def waiting(done: Sequence[int], before: Sequence[int]) -> list[float]:
        return [first - then for first, then in zip(before, done, strict=True)]

    lags = {
        "to be posted": waiting(drain.posted, drain.sent),
        "posted, not yet in the audit bucket": waiting(drain.audited, drain.posted),
    }
    return [
        Curves(
            title=f"From the queue to the audit bucket, mean of {_RATE_OVER_SECONDS:.0f} s",
            x_label="seconds since the first message",
            y_label="transactions/s",
            lines=[
                Line(name=name, points=_points(drain.seconds, rates(drain.seconds, totals)))
                for name, totals in stages.items()
            ],
        ),
        Curves(
            title="What waits",
            x_label="seconds since the first message",
            y_label="transactions",
            lines=[
                Line(name=name, points=_points(drain.seconds, values))
                for name, values in lags.items()
            ],
        ),
    ]


def rates(seconds: Sequence[float], totals: Sequence[int]) -> list[float]:
    found = []
    first = 0
    for index, now in enumerate(seconds):
        while now - seconds[first] > _RATE_OVER_SECONDS:
            first += 1
        span = now - seconds[first]
        found.append((totals[index] - totals[first]) / span if span else 0.0)
    return found


def _points(seconds: Sequence[float], values: Sequence[float]) -> list[tuple[float, float | None]]:
    return list(zip(seconds, values, strict=True))


DRAIN: Final = Picture(name="drain", kind=Drain, panels=_panels, run=lambda drain: drain.run)
