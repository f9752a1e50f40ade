"""A route whose requests are answered without ASGI."""

from typing import Protocol

from starlette.responses import Response
from starlette.types import Scope


class DirectRoute(Protocol):
    """The route of one method and one URL, without parameters.

    It gets only requests that have come whole, one at a time of a connection. The application must
    have the same route: all other requests go there.
    """

    method: bytes
    url: bytes
    body_bytes_max: int

    async def answer(self, scope: Scope, body: bytes) -> Response:
        """Raises no Exception. The body of the answer is complete, too."""
