"""The frame of every HTML page: no scripts, no external resources."""

from collections.abc import Mapping
from html import escape

from starlette.responses import HTMLResponse, Response

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin: 2.5rem 0 0; font-size: 1.1rem } h2 b { color: #0a6 }
table { border-collapse: collapse }
td { border-top: 1px solid #ccc; padding: .2rem .8rem .2rem 0; vertical-align: top }
code, pre { font: 14px/1.4 ui-monospace, monospace }
pre { background: #f4f4f4; padding: .6rem; overflow: auto }
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


def page(*, title: str, body: str) -> str:
    """`title` is text, `body` is HTML."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def page_response(
    html: str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return HTMLResponse(html, status_code=status, headers={**_HEADERS, **(headers or {})})
