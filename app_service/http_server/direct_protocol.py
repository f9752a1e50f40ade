"""The way of a request that a direct route answers: no ASGI, and one write for the answer."""

import asyncio
import logging
from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app_service.http_server.bodies import HeldBodies
from app_service.http_server.direct_route import DirectRoute
from app_service.http_server.protocol import LimitedProtocol

logger = logging.getLogger(__name__)


class DirectCycle:
    """What uvicorn's protocol knows of the request that it answers, without what ASGI needs."""

    more_body = False
    response_started = False
    message_event = asyncio.Event()  # nobody waits for more of the body

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False


class DirectProtocol(LimitedProtocol):
    """Gathers a request for the direct route, and gives it to the route when it is whole.

    Everything that is not simple goes to the application, with what has come so far: a request that
    waits for another one of its connection, a large or slow body, one that is not yet whole when
    the server stops.
    """

    def __init__(self, *, route: DirectRoute, held: HeldBodies, **others: Any) -> None:
        super().__init__(**others)
        self._route = route
        self._held = held
        # Of the request that is gathered. In one piece: a client may send it in thousands.
        self._body: bytearray | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_body()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        self._leave_to_application()
        super().shutdown()

    def begin_request(self) -> None:
        route = self._route
        is_direct = (
            self.url == route.url
            and self.parser.get_method() == route.method
            and (self.cycle is None or self.cycle.response_complete)
            and not self.expect_100_continue
            and self.parser.get_http_version() == "1.1"
        )
        if is_direct:
            self._body = bytearray()
        else:
            super().begin_request()

    def on_body(self, body: bytes) -> None:
        if self._body is None:
            super().on_body(body)
            return
        self.unparsed_bytes = 0
        size = len(body)
        is_small = len(self._body) + size <= self._route.body_bytes_max
        if is_small and self._held.has_room_for(size):
            self._body += body
            self._held.bytes += size
        else:
            self._leave_to_application()
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._body is None:
            super().on_message_complete()
            return
        self.message_completed()
        cycle = DirectCycle(keep_alive=self.parser.should_keep_alive())
        self.cycle = cycle  # type: ignore[assignment]
        self.scope["method"] = self._route.method.decode()
        self.scope["path"] = self._route.url.decode()
        self.scope["query_string"] = b""
        body, self._body = bytes(self._body), None
        task = self.loop.create_task(self._answer(cycle, self.scope, body))  # type: ignore[arg-type]
        self.tasks.add(task)
        task.add_done_callback(partial(self._answered, len(body)))

    def receive_timed_out(self) -> None:
        if self._body is None:
            super().receive_timed_out()
        else:
            self._leave_to_application()

    async def _answer(self, cycle: DirectCycle, scope: Scope, body: bytes) -> None:
        answer = await self._route.answer(scope, body)
        if self.flow.write_paused:
            await self.flow.drain()
        if cycle.disconnected:
            return
        self.transport.write(self._message(answer, keep_alive=cycle.keep_alive))
        cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _answered(self, size: int, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        self._held.bytes -= size
        failure = None if task.cancelled() else task.exception()
        if task.cancelled() or failure is not None:
            # Not by the route, which raises nothing. No timer would end this connection any more.
            logger.error("the request ended without an answer", exc_info=failure)
            self.transport.close()

    def _message(self, answer: Response, *, keep_alive: bool) -> bytes:
        parts = [STATUS_LINE[answer.status_code]]
        for name, value in (*self.server_state.default_headers, *answer.raw_headers):
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
        parts.append(bytes(answer.body))
        return b"".join(parts)

    def _leave_to_application(self) -> None:
        body = self._body
        if body is not None:
            self._forget_body()
            super().begin_request()
            super().on_body(bytes(body))

    def _forget_body(self) -> None:
        self._held.bytes -= len(self._body or b"")
        self._body = None
