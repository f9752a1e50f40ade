"""uvicorn, with limits for what clients can take, over TLS."""

import asyncio
import logging
import signal
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from socket import socket

import uvicorn
from starlette.types import ASGIApp

from app_service.http_server.admission import Admission
from app_service.http_server.bodies import LimitedBodies
from app_service.http_server.limits import Limits
from app_service.http_server.protocol import LimitedProtocol

CANNOT_LISTEN = 3  # exit code

logger = logging.getLogger(__name__)


class Server(uvicorn.Server):
    def __init__(
        self, app: ASGIApp, *, host: str, port: int, context: ssl.SSLContext, limits: Limits
    ) -> None:
        self._limits = limits
        self._admission = Admission(connections_max=limits.connections_max)
        super().__init__(
            uvicorn.Config(
                LimitedBodies(app, limits=limits),
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

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """As uvicorn does it, and with time limits for TLS, for which it has no options."""
        try:
            listening = await asyncio.get_running_loop().create_server(
                partial(
                    LimitedProtocol,
                    config=self.config,
                    state=self.server_state,
                    admission=self._admission,
                    limits=self._limits,
                ),
                self.config.host,
                self.config.port,
                backlog=self.config.backlog,
                ssl=self.config.ssl,
                ssl_handshake_timeout=self._limits.tls_handshake_seconds,
                ssl_shutdown_timeout=self._limits.tls_close_seconds,
            )
        except OSError as error:
            logger.critical("cannot listen", extra={"reason": str(error)})
            sys.exit(CANNOT_LISTEN)
        self.servers = [listening]
        self.started = True

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
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
