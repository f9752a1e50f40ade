"""A server with limits of its own in a thread, over real TLS, and a client that can be slow."""

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from app_service.api.bodies import BATCH_BODY_BYTES, json_response, read_json
from app_service.api.deadlines import REQUEST_SECONDS, deadline_of
from app_service.api.problems import EXCEPTION_HANDLERS
from app_service.http_server.bodies import LimitedBodies
from app_service.http_server.limits import Limits
from app_service.http_server.protocol import LimitedProtocol
from app_service.http_server.server import Server
from app_service.http_server.tls import server_context
from tests.patience import PATIENCE_SECONDS

LARGE_ANSWER = b"x" * (6 * 1024 * 1024)  # more than the buffers of two sockets


@dataclass
class Running:
    port: int
    bodies: LimitedBodies
    server: Server
    thread: threading.Thread
    released: asyncio.Event
    loop: asyncio.AbstractEventLoop
    read: list[object] = field(default_factory=list)  # the bodies that the application has read
    waiting: int = 0  # requests that wait for `release`

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    @property
    def connection(self) -> LimitedProtocol:
        """The server's side of the only connection."""
        [connection] = self.server.server_state.connections
        assert isinstance(connection, LimitedProtocol)
        return connection

    def release(self) -> None:
        with suppress(RuntimeError):  # the server has ended
            self.loop.call_soon_threadsafe(self.released.set)

    def stop(self) -> None:
        self.server.should_exit = True


class Client:
    """One connection. Reads only when asked to."""

    def __init__(self, port: int, raw: socket.socket | None = None) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(raw if raw is not None else connect(port))
        self._stream = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(
        self, method: str, path: str, body: bytes = b"", *, length: int | None = None
    ) -> None:
        """With `length`, a body that is shorter is unfinished."""
        size = len(body) if length is None else length
        self.send(
            f"{method} {path} HTTP/1.1\r\nHost: ledger\r\nContent-Type: application/json\r\n"
            f"Content-Length: {size}\r\n\r\n".encode()
            + body
        )

    def line(self) -> bytes:
        return self._stream.readline()

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self._stream.readline().split()[1])
        headers = {}
        while line := self._stream.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name] = value
        return status, headers, self._stream.read(int(headers["content-length"]))

    def way(self) -> str:
        """Who has answered, the direct route or the application."""
        status, _, body = self.answer()
        assert status == 201
        return str(json.loads(body)["way"])

    def problem(self) -> tuple[int, str]:
        status, headers, body = self.answer()
        assert headers["content-type"] == "application/problem+json"
        document = json.loads(body)
        assert document["status"] == status
        return status, document["code"]

    def is_closed(self) -> bool:
        """Nothing more comes, and the server has closed. Waits for it."""
        try:
            return self._stream.read(1) == b""
        except TimeoutError:
            return False
        except OSError:  # aborted
            return True

    def close(self) -> None:
        self._stream.close()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(port: int) -> socket.socket:
    """A connection without TLS, whose own buffer is small."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    raw.settimeout(PATIENCE_SECONDS)
    raw.connect(("127.0.0.1", port))
    return raw


def client_of(running: Running) -> Client:
    return Client(running.port)


def patient(**others: Any) -> Limits:
    """Limits of a server that waits longer than the test, but for what the test sets.

    On a loaded machine a handshake, or the requests of a test together, take longer than the times
    of the deployed service: a body that a test left unfinished would be refused too early.
    """
    longer = 10 * PATIENCE_SECONDS
    times = {
        "receive_seconds": longer,
        "send_seconds": longer,
        "keep_alive_seconds": longer,
        "tls_handshake_seconds": longer,
        "shutdown_seconds": longer,
    }
    return Limits(**(times | others))


@contextmanager
def serving(limits: Limits) -> Iterator[Running]:
    """Ends with all requests released."""
    started = threading.Event()
    found: list[Running] = []

    async def serve() -> None:
        route = PostDirect()
        app = Starlette(routes=ROUTES, exception_handlers=EXCEPTION_HANDLERS)
        context = server_context("127.0.0.1")
        server = Server(
            app,
            direct_route=route,
            host="127.0.0.1",
            port=0,
            context=context,
            health_path="/age",
            limits=limits,
        )
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.001)
        bodies = server.config.app
        assert isinstance(bodies, LimitedBodies)
        running = app.state.running = route.running = Running(
            port=server.servers[0].sockets[0].getsockname()[1],
            bodies=bodies,
            server=server,
            thread=threading.current_thread(),
            released=asyncio.Event(),
            loop=asyncio.get_running_loop(),
        )
        found.append(running)
        started.set()
        await task

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(PATIENCE_SECONDS)
    try:
        yield found[0]
    finally:
        found[0].release()
        found[0].stop()
        thread.join()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _running(request: Request) -> Running:
    running = request.app.state.running
    assert isinstance(running, Running)
    return running


async def _post(request: Request) -> Response:
    running = _running(request)
    running.read.append(await read_json(request, bytes_max=BATCH_BODY_BYTES))
    return json_response({"posted": len(running.read)}, status=201)


async def _post_when_released(request: Request) -> Response:
    running = _running(request)
    body = await read_json(request, bytes_max=BATCH_BODY_BYTES)
    running.waiting += 1
    await running.released.wait()
    running.read.append(body)
    return json_response({"posted": len(running.read)}, status=201)


async def _answer_when_released(request: Request) -> Response:
    """Without reading the body."""
    running = _running(request)
    running.waiting += 1
    await running.released.wait()
    return json_response({})


async def _age(request: Request) -> Response:
    arrived_at = deadline_of(request) - REQUEST_SECONDS
    return json_response({"seconds": asyncio.get_running_loop().time() - arrived_at})


async def _large(_request: Request) -> Response:
    return Response(LARGE_ANSWER)


class PostDirect:
    """What it answers depends on the body. `way` says who has answered."""

    method = b"POST"
    url = b"/post-direct"
    body_bytes_max = 100
    running: Running

    async def answer(self, _scope: Scope, body: bytes) -> Response:
        running = self.running
        if body == b'"large"':
            return Response(LARGE_ANSWER)
        if body == b'"raise"':
            raise RuntimeError("against the contract of a route")
        if body == b'"cancel"':
            raise asyncio.CancelledError
        if body == b'"wait"':
            running.waiting += 1
            await running.released.wait()
        running.read.append(json.loads(body))
        return json_response({"way": "direct"}, status=201)


async def _post_indirectly(request: Request) -> Response:
    _running(request).read.append(await read_json(request))
    return json_response({"way": "application"}, status=201)


ROUTES = [
    Route("/post-direct", _post_indirectly, methods=["POST"]),
    Route("/post", _post, methods=["POST"]),
    Route("/post-when-released", _post_when_released, methods=["POST"]),
    Route("/answer-when-released", _answer_when_released, methods=["GET", "POST"]),
    Route("/age", _age, methods=["GET", "POST"]),
    Route("/large", _large),
]
