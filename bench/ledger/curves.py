"""Curves over time as an SVG picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_COLOURS: Final = ("#1f77b4", "#d95f02", "#2ca02c", "#9467bd")
_WIDTH, _HEIGHT = 760, 240  # of a panel
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 56, 34


@dataclass(frozen=True, kw_only=True)
class Curve:
    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Panel:
    title: str
    curves: Sequence[Curve]
    x_unit: str = "s"


def draw(panels: Sequence[Panel]) -> str:
    """One panel below the other."""
    height = _HEIGHT * len(panels)
    parts = [_panel(panel, offset=_HEIGHT * index) for index, panel in enumerate(panels)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        f' font-family="sans-serif" font-size="12">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>\n' + "".join(parts) + "</svg>\n"
    )


def _panel(panel: Panel, *, offset: int) -> str:
    x_step, x_max = _scale(max(max(curve.x) for curve in panel.curves))
    y_step, y_max = _scale(max(max(curve.y) for curve in panel.curves))

    def place(x: float, y: float) -> tuple[float, float]:
        across, up = x / x_max, y / y_max
        return (
            _LEFT + across * (_WIDTH - _LEFT - _RIGHT),
            offset + _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM),
        )

    parts = [f'<text x="{_LEFT}" y="{offset + 18}" font-weight="bold">{escape(panel.title)}</text>']
    for value in _ticks(y_step, y_max):
        (left, y), (right, _) = place(0, value), place(x_max, value)
        parts.append(
            f'<line x1="{left:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{value:,.0f}</text>'
        )
    for value in _ticks(x_step, x_max):
        x, y = place(value, 0)
        parts.append(
            f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">'
            f"{value:,.0f} {escape(panel.x_unit)}</text>"
        )
    for index, curve in enumerate(panel.curves):
        points = " ".join(
            "{:.1f},{:.1f}".format(*place(x, y)) for x, y in zip(curve.x, curve.y, strict=True)
        )
        colour, label = _COLOURS[index % len(_COLOURS)], _LEFT + 230 * index
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<line x1="{label}" y1="{offset + 34}" x2="{label + 20}" y2="{offset + 34}"'
            f' stroke="{colour}" stroke-width="2"/>'
            f'<text x="{label + 26}" y="{offset + 38}">{escape(curve.name)}</text>'
        )
    return "\n".join(parts) + "\n"


def _scale(largest: float) -> tuple[float, float]:
    """A round step, and the end of the axis: four to ten steps."""
    if largest <= 0:
        return 1.0, 1.0
    size = 10 ** math.floor(math.log10(largest))
    step = next(size * part for part in (0.1, 0.2, 0.5, 1, 2) if largest <= 10 * size * part)
    return step, step * math.ceil(largest / step)


def _ticks(step: float, end: float) -> list[float]:
    return [index * step for index in range(round(end / step) + 1)]
