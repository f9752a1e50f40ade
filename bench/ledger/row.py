"""One line of the table of results."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """`bar` and `moonshot` are in the terms of `ratio`, or of `value` if there is no ratio.

    Smaller is better where the moonshot is below the bar.
    """

    name: str
    ratio: float | None
    value: float
    unit: str
    bar: float | None
    moonshot: float | None
    note: str = ""

    @property
    def measured(self) -> float:
        return self.value if self.ratio is None else self.ratio
