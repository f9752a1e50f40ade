"""The shapes of the generated pictures."""

from collections.abc import Iterable
from html import escape

Point = tuple[int, int]


def sheet(width: int, height: int, shapes: Iterable[str]) -> str:
    """A picture with a white background, also on dark pages."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="Helvetica, Arial, sans-serif">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#456"/></marker></defs>',
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            *shapes,
            "</svg>\n",
        ]
    )


def rectangle(x: int, y: int, width: int, height: int, *, colour: str) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" '
        f'fill="{colour}" stroke="#456"/>'
    )


def frame(x: int, y: int, width: int, height: int, *, colour: str) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="none" '
        f'stroke="{colour}" stroke-dasharray="5 4"/>'
    )


def arrow(source: Point, target: Point) -> str:
    (x1, y1), (x2, y2) = source, target
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#456" stroke-width="1.3" '
        'marker-end="url(#tip)"/>'
    )


def text(
    x: int,
    y: int,
    words: str,
    *,
    size: int,
    anchor: str = "start",
    weight: str = "normal",
    colour: str = "#123",
) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{colour}">{escape(words)}</text>'
    )
