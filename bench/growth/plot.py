"""A picture of the results: throughput and CPU against the size of the ledger."""

from collections.abc import Callable, Sequence
from html import escape

from bench.growth.comparing import CALLS, SERVERS, Row
from bench.growth.identifiers import Ids
from docs.generators.svg import sheet, text

_WIDTH, _HEIGHT = 330, 190  # of one diagram
_LEFT, _TOP, _GAP_X, _GAP_Y = 60, 70, 80, 70
_COLOURS = {Ids.V7: "#1f77b4", Ids.V4: "#d62728"}
_SERVERS = [server for server in SERVERS if not server.is_cause]  # the others have one size
_BAR = 0.85  # of the throughput of an empty ledger


def picture(rows: Sequence[Row]) -> str:
    """One line of diagrams for each kind of server, one diagram for each size of a call."""
    shapes = [
        text(_LEFT, 26, "Throughput as a ratio to an empty ledger", size=16, weight="bold"),
        *_legend(),
    ]
    for line, server in enumerate(_SERVERS):
        for column, call in enumerate(CALLS):
            x = _LEFT + column * (_WIDTH + _GAP_X)
            y = _TOP + line * (_HEIGHT + _GAP_Y)
            of_diagram = [row for row in rows if (row.server, row.call) == (server.name, call)]
            shapes += _diagram(x, y, f"{server.name}, calls of {call}", of_diagram)
    return sheet(
        _LEFT + len(CALLS) * (_WIDTH + _GAP_X) - _GAP_X + 30,
        _TOP + len(_SERVERS) * (_HEIGHT + _GAP_Y),
        shapes,
    )


def _legend() -> list[str]:
    shapes = []
    for number, (ids, colour) in enumerate(_COLOURS.items()):
        x = _LEFT + 480 + 110 * number
        shapes.append(f'<circle cx="{x}" cy="21" r="4" fill="{colour}"/>')
        shapes.append(text(x + 9, 26, f"UUID{ids} ids", size=12))
    return shapes


def _diagram(left: int, top: int, title: str, rows: Sequence[Row]) -> list[str]:
    most = max([row.millions for row in rows], default=1) or 1

    def x(millions: float) -> int:
        return left + round(_WIDTH * millions / most)

    def y(ratio: float) -> int:
        return top + _HEIGHT - round(_HEIGHT * min(ratio, 1.2) / 1.2)

    shapes = [text(left, top - 12, title, size=13, weight="bold")]
    for ratio in (0.0, 0.25, 0.5, 0.75, 1.0):
        shapes.append(_line(left, y(ratio), left + _WIDTH, y(ratio), "#ddd"))
        shapes.append(text(left - 8, y(ratio) + 4, f"{ratio:.2f}", size=11, anchor="end"))
    shapes.append(_line(left, y(_BAR), left + _WIDTH, y(_BAR), "#2a2", dashes="5 4"))
    shapes.append(text(left + _WIDTH + 6, y(_BAR) + 4, "bar", size=10))
    for millions in sorted({row.millions for row in rows}):
        label = f"{millions} M" if millions else "empty"
        shapes.append(text(x(millions), top + _HEIGHT + 16, label, size=11, anchor="middle"))
    for ids, colour in _COLOURS.items():
        shapes += _curve([row for row in rows if row.ids is ids], colour, x, y)
    return shapes


def _curve(
    rows: Sequence[Row], colour: str, x: Callable[[float], int], y: Callable[[float], int]
) -> list[str]:
    ratios = {row.millions: row.to_empty for row in sorted(rows, key=lambda row: row.millions)}
    points = " ".join(f"{x(millions)},{y(ratio)}" for millions, ratio in ratios.items())
    return [
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *(
            f'<circle cx="{x(row.millions)}" cy="{y(row.to_empty)}" r="4" fill="{colour}">'
            f"<title>{escape(f'{row.per_second:,.0f} transactions/s')}</title></circle>"
            for row in rows
        ),
    ]


def _line(x1: int, y1: int, x2: int, y2: int, colour: str, *, dashes: str = "") -> str:
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}"'
        f' stroke-dasharray="{dashes}"/>'
    )
