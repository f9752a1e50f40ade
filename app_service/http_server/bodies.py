"""Limits for the bodies of all requests together, and for the time in which a body must arrive."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app_service.api.deadlines import arrival_of
from app_service.api.problems import Problem
from app_service.http_server.limits import Limits


class HeldBodies:
    """The bytes of all bodies whose requests are not yet answered."""

    def __init__(self, *, bytes_max: int) -> None:
        self.bytes = 0
        self._bytes_max = bytes_max

    def has_room_for(self, size: int) -> bool:
        return self.bytes + size <= self._bytes_max


class LimitedBodies:
    """An ASGI application around another one. A body that breaks a limit is a Problem, raised where
    the application reads it.

    A body counts until its request is answered, because what was decoded from it lives as long.
    """

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self.held = HeldBodies(bytes_max=limits.body_bytes_max)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = 0

        async def receive_limited() -> Message:
            nonlocal held
            message = await self._in_time(scope, receive)
            size = len(message.get("body", b""))
            self._check_room_for(size)
            self.held.bytes += size
            held += size
            return message

        try:
            await self._app(scope, receive_limited, send)
        finally:
            self.held.bytes -= held

    async def _in_time(self, scope: Scope, receive: Receive) -> Message:
        seconds = self._limits.receive_seconds
        try:
            async with asyncio.timeout_at(arrival_of(scope) + seconds):
                return await receive()
        except TimeoutError:
            raise Problem(
                408,
                "request_timeout",
                f"the request was not complete {seconds:g} seconds after its first byte",
                headers={"Connection": "close"},
            ) from None

    def _check_room_for(self, size: int) -> None:
        if not self.held.has_room_for(size):
            raise Problem(
                503,
                "overloaded",
                "the bodies of other requests take all the memory for bodies; "
                "send the request again later",
                headers={"Retry-After": "1"},
            )
