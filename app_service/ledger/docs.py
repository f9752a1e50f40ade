"""GET /openapi.json and /docs: one document, for programs and for people."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_service.ledger.authentication import with_session_or_client
from app_service.ledger.bodies import json_response
from app_service.ledger.openapi import document
from app_service.ledger.pages import page, page_response
from app_service.ledger.services import services_of


async def openapi(request: Request) -> Response:
    return json_response(document(services_of(request).version))


async def docs(request: Request) -> Response:
    return page_response(render(document(services_of(request).version)))


def render(api: dict[str, Any]) -> str:
    """An HTML page without scripts and without external resources."""
    info = api["info"]
    body = "".join(
        part
        for path, operations in api["paths"].items()
        for method, operation in operations.items()
        for part in _operation(method, path, operation)
    )
    schemas = "".join(
        f'<h2 id="{escape(name)}">{escape(name)}</h2><pre>{_json(schema)}</pre>'
        for name, schema in api["components"]["schemas"].items()
    )
    return page(
        title=f"{info['title']} {info['version']}",
        body=f"<p>{escape(info['description'])}</p>{body}<h1>Schemas</h1>{schemas}",
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<h2><b>{escape(method.upper())}</b> <code>{escape(path)}</code></h2>"
    yield f"<p>{escape(operation['summary'])}. {_security(operation['security'])}.</p><table>"
    for parameter in operation.get("parameters", ()):
        yield _row(f"{parameter['in']} {parameter['name']}", _json(parameter["schema"]))
    if "requestBody" in operation:
        yield _row("body", _link(operation["requestBody"]))
    for status, answer in operation["responses"].items():
        yield _row(status, f"{escape(answer['description'])} {_link(answer)}")
    yield "</table>"


def _security(schemes: list[dict[str, Any]]) -> str:
    names = [name for scheme in schemes for name in scheme]
    return f"Needs {' or '.join(names)}" if names else "Open to all"


def _row(name: str, html: str) -> str:
    return f"<tr><td><code>{escape(name)}</code></td><td>{html}</td></tr>"


def _link(part: dict[str, Any]) -> str:
    names = [
        content["schema"]["$ref"].rpartition("/")[2] for content in part.get("content", {}).values()
    ]
    return " ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in names)


def _json(schema: object) -> str:
    return escape(json.dumps(schema, indent=2))


ROUTES = [
    Route("/openapi.json", with_session_or_client(openapi), methods=["GET"]),
    Route("/docs", with_session_or_client(docs), methods=["GET"]),
]
