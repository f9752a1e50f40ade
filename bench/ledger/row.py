"""One figure of the benchmark."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """`bar` and `moonshot` are limits of `ratio`, or of `value` where there is no ratio."""

    name: str
    ratio: float | None
    value: float
    unit: str
    bar: float | None
    moonshot: float | None
    note: str = ""
