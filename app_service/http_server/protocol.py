"""uvicorn's HTTP protocol with the limits for which it has no options.

uvicorn reads a head of any size, waits for the rest of a head or a body for as long as the client
likes, and stops the keep-alive timer at any byte. Its `limit_concurrency` answers 503 to everyone
once that many connections are open, idle ones too. So this class sets limits; it parses nothing.
"""

import asyncio
from contextlib import suppress

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from app_service.api.deadlines import ARRIVED_AT
from app_service.api.problems import Problem, problem_response
from app_service.http_server.admission import Admission
from app_service.http_server.limits import Limits


class LimitedProtocol(HttpToolsProtocol):
    """One connection. The time limit for a body that the application reads is `LimitedBodies`."""

    def __init__(
        self, *, config: Config, state: ServerState, admission: Admission, limits: Limits
    ) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self._admission = admission
        self._limits = limits
        self._receiving: asyncio.TimerHandle | None = None
        self._sending: asyncio.TimerHandle | None = None
        self._refusal: Problem | None = None  # of the whole connection
        self._is_receiving = False  # bytes came that complete no request
        self._is_deaf = False  # after a request that was refused here
        self.unparsed_bytes = 0  # since the last complete head or piece of a body
        self.url = b""

    # The connection.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._refusal = self._admission.refusal(len(self.connections))
        if self._refusal is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        elif self._admission.is_closed(len(self.connections)):
            self._refuse(self._refusal)
        else:
            self._start_receiving()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset_keepalive_if_required()
        self._stop_receiving()
        self._stop_sending()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._sending = self.loop.call_later(self._limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_sending()
        super().resume_writing()

    # What arrives.

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._unset_keepalive_if_required()
        self._is_receiving = True  # here: bytes before a request begin none
        self.unparsed_bytes += len(data)
        try:
            self._feed(data)
            self._check_unparsed_bytes()
            if self._is_receiving:  # most requests come whole and need no timer
                self._start_receiving()
        except Problem as problem:
            self._refuse(problem)
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, Problem):  # raised in one of the methods below
                self._refuse(error.__context__)
            else:
                self._refuse(Problem(400, "malformed_request", f"not HTTP/1.1: {error}"))

    def _feed(self, data: bytes) -> None:
        # A request for another protocol is answered as if it had not asked.
        with suppress(httptools.HttpParserUpgrade):
            self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][ARRIVED_AT] = self.loop.time()
        self._is_receiving = True

    def on_headers_complete(self) -> None:
        if len(self.url) > self._limits.url_bytes_max:
            raise self._head_too_large()
        # Only a head that came with more than its limit can be larger than its limit.
        if self.unparsed_bytes > self._limits.head_bytes_max:
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > self._limits.head_bytes_max:
                raise self._head_too_large()
        if len(self.pipeline) >= self._limits.pipelined_max:
            raise Problem(503, "overloaded", "too many requests without waiting for an answer")
        if self._refusal is not None and self.url != self._admission.health_url:
            raise self._refusal
        self.unparsed_bytes = 0
        self.begin_request()

    def begin_request(self) -> None:
        """The head is complete and within all limits."""
        super().on_headers_complete()
        if self._refusal is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self.unparsed_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.message_completed()
        super().on_message_complete()

    def message_completed(self) -> None:
        self.unparsed_bytes = 0
        self._is_receiving = False
        self._stop_receiving()

    # The limits.

    def _start_receiving(self) -> None:
        if self._receiving is None:
            seconds = self._limits.receive_seconds
            self._receiving = self.loop.call_later(seconds, self._received_too_slowly)

    def _stop_receiving(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
            self._receiving = None

    def _stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _received_too_slowly(self) -> None:
        self._receiving = None
        self.receive_timed_out()

    def receive_timed_out(self) -> None:
        """A head or a body is not complete in time."""
        if self.cycle is None or not self.cycle.more_body:
            seconds = self._limits.receive_seconds
            detail = f"the header was not complete {seconds:g} seconds after its first byte"
            self._refuse(Problem(408, "request_timeout", detail))
        elif self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def _check_unparsed_bytes(self) -> None:
        if self.unparsed_bytes > self._limits.head_bytes_max:
            raise self._head_too_large()

    def _head_too_large(self) -> Problem:
        if len(self.url) > self._limits.url_bytes_max:
            detail = f"the URL must be at most {self._limits.url_bytes_max} bytes"
            return Problem(414, "uri_too_long", detail)
        detail = f"URL and header must be at most {self._limits.head_bytes_max} bytes together"
        return Problem(431, "header_too_large", detail)

    def _refuse(self, problem: Problem) -> None:
        """Answer and close. Requests that came before are answered first, and then nothing more:
        the client would take this answer for theirs."""
        self._is_deaf = True
        self._unset_keepalive_if_required()
        self._stop_receiving()
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._write(problem)
        elif not cycle.more_body:
            cycle.keep_alive = False
            return
        elif not cycle.response_started and not self.pipeline:
            self._write(problem)
        self.transport.close()

    def _write(self, problem: Problem) -> None:
        answer = problem_response(
            problem.status, problem.code, str(problem), headers=problem.headers
        )
        headers = [*self.server_state.default_headers, *answer.raw_headers]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(
            b"".join((STATUS_LINE[problem.status], *lines, b"connection: close\r\n\r\n"))
            + bytes(answer.body)
        )
