"""Line charts as SVG, one below the other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 110, 40, 50
_COLOURS = ("#1f5fa8", "#c2571a", "#3b7d3b", "#7a3b8f")
_TICKS = 5


@dataclass(frozen=True, kw_only=True)
class Series:
    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The vertical axis begins at 0, or with `logarithmic` at a power of ten."""

    title: str
    x_label: str
    series: Sequence[Series]
    logarithmic: bool = False


def svg(charts: Sequence[Chart]) -> str:
    height = _HEIGHT * len(charts)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for place, chart in enumerate(charts):
        parts += [f'<g transform="translate(0 {place * _HEIGHT})">', *_drawn(chart), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def ticks(largest: float) -> list[float]:
    """About five round numbers from 0; the last one is not smaller than `largest`."""
    rough = largest / _TICKS if largest > 0 else 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [step * number for number in range(math.ceil(largest / step) + 1)]


def decades(smallest: float, largest: float) -> list[float]:
    """The powers of ten around both."""
    low, high = math.floor(math.log10(smallest)), math.ceil(math.log10(largest))
    return [10.0**exponent for exponent in range(low, max(high, low + 1) + 1)]


def _drawn(chart: Chart) -> list[str]:
    points = [point for series in chart.series for point in series.points]
    x_ticks = ticks(max(x for x, _ in points))
    ys = [y for _, y in points]
    y_ticks = decades(min(ys), max(ys)) if chart.logarithmic else ticks(max(ys))
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def x_of(value: float) -> float:
        return _LEFT + (right - _LEFT) * value / x_ticks[-1]

    def y_of(value: float) -> float:
        if chart.logarithmic:
            low, high = math.log10(y_ticks[0]), math.log10(y_ticks[-1])
            share = (math.log10(value) - low) / (high - low)
        else:
            share = value / y_ticks[-1]
        return bottom - (bottom - _TOP) * share

    parts = [
        f'<text x="{_LEFT}" y="22" font-size="14">{escape(chart.title)}</text>',
        _text((_LEFT + right) / 2, bottom + 38, chart.x_label, anchor="middle"),
    ]
    for value in y_ticks:
        y = y_of(value)
        parts += [_line(_LEFT, y, right, y), _text(_LEFT - 8, y + 4, f"{value:g}", anchor="end")]
    for value in x_ticks:
        x = x_of(value)
        parts += [
            _line(x, _TOP, x, bottom),
            _text(x, bottom + 18, f"{value:g}", anchor="middle"),
        ]
    for place, series in enumerate(chart.series):
        colour = _COLOURS[place % len(_COLOURS)]
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in series.points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = _TOP + 14 + 18 * place
        parts += [
            f'<rect x="{right + 12}" y="{y - 8}" width="12" height="4" fill="{colour}"/>',
            _text(right + 30, y, series.name),
        ]
    return parts


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#dddddd"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
