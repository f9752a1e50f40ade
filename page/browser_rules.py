"""What the browser may load: only what this server sends, and nothing inside of a document.

Source: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
"""

from dataclasses import dataclass
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# A picture that matplotlib draws holds its own style; opened alone it may do nothing else.
_POLICY_OF_PICTURES: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@dataclass(frozen=True)
class BrowserRules:
    """An ASGI middleware."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_rules(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_picture = headers.get("content-type", "").startswith("image/svg")
                headers["content-security-policy"] = _POLICY_OF_PICTURES if is_picture else _POLICY
                headers["x-content-type-options"] = "nosniff"
                # With `no-referrer` a form of the page itself would have `Origin: null`:
                # https://fetch.spec.whatwg.org/#append-a-request-origin-header
                headers["referrer-policy"] = "same-origin"
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_rules)
