"""POST /transactions, the shortest way that a request can take.

Almost all requests are this one, and the database posts many of them in one call. What is left is
the work for each request, and routing, middleware and messages between them were most of it
(docs/decisions/http-server.md). So the server gives a request for this route that has come whole to
`HotRoute.answer`. One that comes otherwise, for example slowly, takes the way of all others,
`transaction_routes.post_transaction`. Both are made of the same parts, in the same order.
"""

import logging
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from app_service.api.authentication import WRITERS, session_of
from app_service.api.bodies import SMALL_BODY_BYTES, check_media_type, decode_json
from app_service.api.client_address import address_of
from app_service.api.deadlines import deadline_in
from app_service.api.problems import problem_of
from app_service.api.services import Services
from app_service.api.transaction_routes import TRANSACTIONS_PATH, post
from app_service.ledger.origin import TRACE_HEADER, origin_of_trace
from app_service.ledger.transaction import Transaction

_TRACE_HEADER = TRACE_HEADER.encode()

logger = logging.getLogger(__name__)


class HotRoute:
    method = b"POST"
    url = TRANSACTIONS_PATH.encode()
    body_bytes_max = SMALL_BODY_BYTES

    def __init__(self, services: Services) -> None:
        self._services = services

    async def answer(self, scope: Scope, body: bytes) -> Response:
        """`scope` as ASGI describes it. An error becomes a problem document, as on every route."""
        try:
            return await self._post(scope, body)
        except Exception as error:
            answer = await problem_of(Request(scope), error)
            if answer.status_code == 500:
                logger.error("the request failed", exc_info=error)
            return answer

    async def _post(self, scope: Scope, body: bytes) -> Response:
        headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))  # of a name, the first
        session = await session_of(
            self._services,
            headers.get(b"authorization", b"").decode("latin-1"),
            partial(_address, scope),
            roles=WRITERS,
        )
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        check_media_type(content_type, is_encoded=b"content-encoding" in headers)
        transaction = Transaction.parse(decode_json(body))
        return await post(
            self._services,
            session,
            transaction,
            origin_id=origin_of_trace(headers.get(_TRACE_HEADER, b"").decode("latin-1")),
            deadline=deadline_in(scope),
        )


def _address(scope: Scope) -> str:
    return address_of(Request(scope))
