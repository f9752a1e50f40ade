"""Charts as values. `bench.drawing` draws them with matplotlib, which takes a second to import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Line:
    """A point without a value is a gap. With `steps` a value holds until the next point.

    `colour`: its number, so that a line has the same one beside others; by default its place.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    dots: bool = False
    steps: bool = False
    colour: int | None = None


@dataclass(frozen=True, kw_only=True)
class Span:
    """A part of the horizontal axis, such as the time of a fault. No end: to the end of it."""

    begin: float
    end: float | None
    label: str


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Lines over a common axis. `moments` are marked on it, `levels` beside it."""

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    logarithmic: bool = False
    spans: Sequence[Span] = ()
    moments: Mapping[str, float] = field(default_factory=dict)
    levels: Mapping[str, float] = field(default_factory=dict)
    x_end: float | None = None  # of the axis; None: that of the lines
    explains_marks: bool = True  # no: the chart above has the same spans and moments

    @property
    def lines_of_legend(self) -> int:
        return 1 + (len(self.spans) + len(self.moments) if self.explains_marks else 0)


@dataclass(frozen=True, kw_only=True)
class Bars:
    """A group of horizontal bars for each name. `texts` say what each group has measured.

    `goals` are marked beside each bar, `levels` across all of them.
    """

    title: str
    x_label: str
    names: Sequence[str]
    values: Mapping[str, Sequence[float]]
    stacked: bool = False
    logarithmic: bool = False
    texts: Sequence[str] = ()
    goals: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    levels: Mapping[str, float] = field(default_factory=dict)

    @property
    def lines_of_legend(self) -> int:
        return 1 if len(self.values) + len(self.goals) + len(self.levels) > 1 else 0


Panel = Curves | Bars
