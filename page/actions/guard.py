"""Lets through only requests that the page's own documents made.

The page listens on loopback, which is no protection: any site that a person opens can let the
browser send requests to 127.0.0.1, and so can every other user of the machine. Four rules hold
together, and each is tested alone:

* The header Host is the page's own address. A foreign name that resolves to 127.0.0.1 (DNS
  rebinding) would give a foreign document the page's origin.
* The browser names the page itself as the origin of the request (Sec-Fetch-Site, Origin). A
  document of another port of this machine is `same-site`: it is refused, too. Documents of other
  sites may only lead to the page by a link.
* A POST carries the token of this process, which only a document of the page can read.
* The request, reading ones too, comes from a process of the user who started the page, or of root
  (`peer.py`): the page reads with that user's credentials, and its forms have the token.

Sources: https://www.w3.org/TR/fetch-metadata/ and
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from page.actions import peer
from page.actions.refusal_log import RefusalLog
from page.origin import is_own

TOKEN_FIELD: Final = "token"
_FORM: Final = "application/x-www-form-urlencoded"
_BODY_BYTES_MAX: Final = 16_384
_FIELDS_MAX: Final = 20
_NAMES: Final = ("127.0.0.1", "localhost")  # the page listens on IPv4 loopback
_SAFE: Final = ("GET", "HEAD")


class Refused(Exception):
    """The request is not one of the page's own; the message says what to do."""


def new_token() -> str:
    return secrets.token_urlsafe(32)


def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a POST that the guard let through; of another request, none."""
    fields: dict[str, str] = request.scope.get("guarded_form", {})
    return fields


@dataclass(frozen=True)
class Guard:
    """An ASGI middleware. Routes read the form with `form_of`."""

    app: ASGIApp
    token: str = field(default_factory=new_token)
    refusals: RefusalLog = field(default_factory=RefusalLog)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the start and the end of the server
            await self.app(scope, receive, send)
            return
        try:
            check_address(scope)
            check_user(scope)
            if scope["method"] not in _SAFE:
                check_origin(scope)
                fields = _fields(scope, await _body(receive))
                check_token(fields, self.token)
                scope["guarded_form"] = fields
            elif not _may_lead_here(scope):
                raise Refused("another site may not read this page or show it inside of its own")
        except Refused as refusal:
            self.refusals.write(scope["method"], scope["path"], str(refusal))
            answer = PlainTextResponse(f"Refused: {refusal}. Nothing was started.\n", 403)
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


def own_addresses(scope: Scope) -> tuple[str, ...]:
    """Return what Host may be: the port is that of the socket, which no header can change."""
    _, port = scope["server"]
    return tuple(f"{name}:{port}" for name in _NAMES)


def check_address(scope: Scope) -> None:
    """Raises Refused."""
    hosts = Headers(scope=scope).getlist("host")
    if len(hosts) != 1 or hosts[0].lower() not in own_addresses(scope):
        raise Refused(
            f"the header Host is not the address of this page: open http://{own_addresses(scope)[0]}/"
        )


def check_user(scope: Scope) -> None:
    """Raises Refused."""
    client, server = scope["client"], scope["server"]
    if not peer.is_allowed_user((client[0], client[1]), (server[0], server[1])):
        raise Refused("the request comes from another user of this machine")


def check_origin(scope: Scope) -> None:
    """A browser sends Origin with every POST, and new ones send Sec-Fetch-Site. Raises Refused."""
    headers = Headers(scope=scope)
    origins, sites = headers.getlist("origin"), headers.getlist("sec-fetch-site")
    if not origins and not sites:
        raise Refused("the request does not say which page it comes from; programs can run `make`")
    if any(site != "same-origin" for site in sites):
        raise Refused("the request comes from another site")
    if any(origin != f"http://{headers['host'].lower()}" for origin in origins):
        raise Refused("the request comes from another site")


def check_token(fields: dict[str, str], token: str) -> None:
    """Raises Refused."""
    given = fields.pop(TOKEN_FIELD, "")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise Refused("the form is from before the page was restarted: load the page again")


def _may_lead_here(scope: Scope) -> bool:
    """Whether the page itself or the person asks, or another site only leads here by a link."""
    headers = Headers(scope=scope)
    if is_own(headers):
        return True
    return (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == (
        "navigate",
        "document",
    )


def _fields(scope: Scope, body: bytes) -> dict[str, str]:
    kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise Refused("the request is not a form of this page")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError:
        raise Refused("the form cannot be read") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Refused("the form has a field twice")
    return fields


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _BODY_BYTES_MAX:
            raise Refused(f"the form is longer than {_BODY_BYTES_MAX} bytes")
        if not message.get("more_body", False):
            return bytes(body)
