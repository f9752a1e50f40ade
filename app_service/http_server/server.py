"""uvicorn, with limits for what clients can take, over TLS."""

import asyncio
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from app_service.http_server.admission import Admission
from app_service.http_server.bodies import LimitedBodies
from app_service.http_server.direct_protocol import DirectProtocol
from app_service.http_server.direct_route import DirectRoute
from app_service.http_server.limits import Limits


class Server(uvicorn.Server):
    def __init__(
        self,
        app: ASGIApp,
        *,
        direct_route: DirectRoute,
        host: str,
        port: int,
        context: ssl.SSLContext,
        health_path: str,
        limits: Limits,
    ) -> None:
        self._limits = limits
        self._direct_route = direct_route
        self._bodies = LimitedBodies(app, limits=limits)
        self._admission = Admission(connections_max=limits.connections_max, health_path=health_path)
        super().__init__(
            uvicorn.Config(
                self._bodies,
                host=host,
                port=port,
                ssl_context_factory=lambda _config, _default: context,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,  # the load balancer writes it
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=limits.keep_alive_seconds,
                timeout_graceful_shutdown=limits.shutdown_seconds,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: uvicorn would raise them again at the end instead of exiting with 0."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it, and with limits for which it has no options."""
        loop = asyncio.get_running_loop()
        protocol = partial(
            DirectProtocol,
            route=self._direct_route,
            held=self._bodies.held,
            config=self.config,
            state=self.server_state,
            admission=self._admission,
            limits=self._limits,
        )
        self.servers = []
        for listening in sockets or [self.config.bind_socket()]:
            # Before it listens, so that all connections inherit it.
            listening.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, self._limits.receive_buffer_bytes
            )
            server = await loop.create_server(
                protocol,
                sock=listening,
                backlog=self.config.backlog,
                ssl=self.config.ssl,
                ssl_handshake_timeout=self._limits.tls_handshake_seconds,
                ssl_shutdown_timeout=self._limits.tls_close_seconds,
            )
            self.servers.append(server)
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer the running requests, close all other connections at once."""
        self._admission.is_stopping = True
        await super().shutdown(sockets)


@contextmanager
def stopping_on_signal(server: Server) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, partial(setattr, server, "should_exit", True))
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
