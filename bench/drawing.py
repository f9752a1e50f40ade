"""Draws charts as SVG: the same numbers give the same bytes, on light pages and on dark ones."""

import io
import textwrap
from collections.abc import Sequence
from typing import Any, Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.ticker import LogLocator, NullLocator
from matplotlib.transforms import ScaledTranslation, Transform

from bench.charts import Bars, Curves, Panel

_INK, _PAPER, _GRID, _FAULT = "#1f2328", "#ffffff", "#d8dee4", "#cf222e"
# Of each colour: the one on a dark page. Those of the lines can be read on both.
_DARK: Final = {_INK: "#e6edf3", _PAPER: "#161b22", _GRID: "#30363d", _FAULT: "#ff7b72"}
_COLOURS: Final = ("#2f81f7", "#d9730d", "#2a9d4a", "#8f63e8", "#b5446e", "#0f8b8d")
_MARKERS: Final = ("D", "o", "^")
_WIDTH_INCHES: Final = 9.6  # 691 points
_FOOTER_WIDTH: Final = 112  # characters
_DECADES_WITH_PARTS: Final = 10**2.5  # above it only powers of ten are labelled
_LEGEND_POINTS: Final = 17  # height of a line
_DASHES: Final = ("--", ":", "-.", (0, (1, 4)))

_SETTINGS: Final[Any] = {
    "axes.edgecolor": _GRID,
    "axes.facecolor": _PAPER,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": _INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "figure.facecolor": _PAPER,
    "font.family": ["DejaVu Sans", "sans-serif"],  # matplotlib brings the first one with it
    "font.size": 12,
    "grid.color": _GRID,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "legend.labelcolor": _INK,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "charts",  # else ids are random
    "text.color": _INK,
    "text.parse_math": False,  # a dollar is a dollar
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def svg(panels: Sequence[Panel], *, columns: int = 1, footer: str = "") -> str:
    """The panels, line by line."""
    said = "\n".join(textwrap.fill(line, _FOOTER_WIDTH) for line in footer.splitlines())
    rows = -(-len(panels) // columns)
    heights = [
        max(_height(panel) for panel in panels[row * columns : (row + 1) * columns])
        for row in range(rows)
    ]
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(
            figsize=(_WIDTH_INCHES, sum(heights) + 0.2 * len(said.splitlines())),
            layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.12),
        )
        places = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
        for axes, panel in zip(places.flat, panels, strict=False):
            _draw(axes, panel)
        for axes in list(places.flat)[len(panels) :]:
            axes.set_axis_off()
        if footer:
            figure.supxlabel(said, x=0.01, ha="left", fontsize=10)
        written = io.StringIO()
        figure.savefig(
            written,
            format="svg",
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    return _with_dark_colours(written.getvalue())


def _height(panel: Panel) -> float:
    """In inches."""
    legend = 0.24 * panel.lines_of_legend
    if isinstance(panel, Curves):
        return 3.0 + legend
    each = 1 if panel.stacked else len(panel.values)
    lines = max(text.count("\n") + 1 for text in [*panel.names, *panel.texts])
    return 1.1 + legend + len(panel.names) * max(0.18 + 0.22 * each, 0.1 + 0.19 * lines)


def _draw(axes: Axes, panel: Panel) -> None:
    if isinstance(panel, Curves):
        _draw_curves(axes, panel)
    else:
        _draw_bars(axes, panel)
    axes.set_xlabel(panel.x_label)
    axes.set_title(panel.title, pad=8 + _LEGEND_POINTS * panel.lines_of_legend)
    axes.tick_params(length=0)
    _explain(axes, panel)


def _explain(axes: Axes, panel: Panel) -> None:
    """The legend is above the axes, so that it hides nothing: first the lines, then the marks."""
    if not panel.lines_of_legend:
        return
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    names = (
        [line.name for line in panel.lines]
        if isinstance(panel, Curves)
        else [*panel.values, *panel.goals]
    )
    lines = [[*names, *panel.levels]]
    if isinstance(panel, Curves) and panel.explains_marks:
        lines += [[span.label] for span in panel.spans] + [[name] for name in panel.moments]
    for above, labels in enumerate(reversed(lines)):
        axes.add_artist(
            Legend(
                axes,
                [handles[label] for label in labels],
                labels,
                loc="lower left",
                bbox_to_anchor=(0, 1),
                bbox_transform=_above(axes, points=3 + _LEGEND_POINTS * above),
                borderaxespad=0,
                borderpad=0,
                ncols=len(labels),
            )
        )


def _above(axes: Axes, *, points: float) -> Transform:
    """Of the point that many points above the upper left corner of the axes."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return axes.transAxes + ScaledTranslation(0, points / 72, figure.dpi_scale_trans)


def _draw_curves(axes: Axes, panel: Curves) -> None:
    for place, line in enumerate(panel.lines):
        axes.plot(
            [x for x, _ in line.points],
            [float("nan") if y is None else y for _, y in line.points],
            color=_COLOURS[place if line.colour is None else line.colour],
            label=line.name,
            marker="o" if line.dots else None,
            drawstyle="steps-post" if line.steps else "default",
            markersize=4,
        )
    for (name, level), dashes in zip(panel.levels.items(), _DASHES, strict=False):
        axes.axhline(level, color=_INK, linestyle=dashes, linewidth=1.2, label=name)
    furthest = max((x for line in panel.lines for x, _ in line.points), default=1.0)
    for number, span in enumerate(panel.spans):
        end = furthest if span.end is None else span.end
        axes.axvspan(
            span.begin,
            end,
            color=_FAULT,
            alpha=0.1 if number % 2 else 0.2,
            linewidth=0,
            label=span.label,
        )
    for (name, at), dashes in zip(panel.moments.items(), _DASHES, strict=False):
        axes.axvline(at, color=_FAULT, linestyle=dashes, linewidth=1.4, label=name)
    axes.set_ylabel(panel.y_label)
    axes.margins(x=0.01)
    if panel.x_end is not None:
        axes.set_xlim(-0.01 * panel.x_end, 1.01 * panel.x_end)
    if panel.logarithmic and any(y for line in panel.lines for _, y in line.points):
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        few = high < _DECADES_WITH_PARTS * low
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")


def _draw_bars(axes: Axes, panel: Bars) -> None:
    each = 1 if panel.stacked else len(panel.values)
    thickness = 0.72 / each
    lefts = [0.0] * len(panel.names)
    for number, (name, values) in enumerate(panel.values.items()):
        shift = 0.0 if panel.stacked else (number - (each - 1) / 2) * thickness
        axes.barh(
            [place + shift for place in range(len(panel.names))],
            values,
            height=thickness * 0.94,
            left=lefts if panel.stacked else 0,
            color=_COLOURS[number],
            label=name,
        )
        if panel.stacked:
            lefts = [left + value for left, value in zip(lefts, values, strict=True)]
    for (name, goals), marker in zip(panel.goals.items(), _MARKERS, strict=False):
        places = [(goal, place) for place, goal in enumerate(goals) if goal is not None]
        axes.plot(
            [goal for goal, _ in places],
            [place for _, place in places],
            marker,
            color=_INK,
            label=name,
        )
    for name, level in panel.levels.items():
        axes.axvline(level, color=_INK, linestyle="--", linewidth=1.4, label=name)
    axes.set_yticks(range(len(panel.names)), panel.names)
    axes.set_ylim(len(panel.names) - 0.4, -0.6)  # the first is on top
    axes.grid(visible=False, axis="y")
    if panel.logarithmic:
        axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    # Beside the axes, where no bar and no goal is.
    for place, text in enumerate(panel.texts):
        axes.text(1.01, place, text, va="center", fontsize=11, transform=axes.get_yaxis_transform())


def _with_dark_colours(drawn: str) -> str:
    """Inline colours are those of a light page; a dark page gets others by a rule."""
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{dark} !important}}'
        for light, dark in _DARK.items()
        for kind in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"
    head, opened, rest = drawn.partition(" <defs>")
    return f"{head} {style}\n{opened}{rest}"
