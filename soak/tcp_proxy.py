"""Stands between a client and a server that speak in turns over TLS, and breaks their connections.

It cannot read what they say. An exchange is what a client sends after the server has spoken, and
the answer: of PostgreSQL a part of a login, a statement, a commit; of the API a request.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from soak.plan import CONNECTION, Decision, Fault, FaultMix, Faults

HOST = "127.0.0.1"
_CHUNK = 65536
_DELAY_MAX_SECONDS = 0.5
_LATE_SECONDS = 8.0  # longer than any statement may take


@dataclass(kw_only=True)
class _Exchange:
    has_answer: bool = True
    decision: Decision | None = None


class TcpProxy:
    def __init__(
        self, *, kind: str, upstream_port: int, faults: Faults, mix: FaultMix = CONNECTION
    ) -> None:
        self._kind = kind
        self._upstream_port = upstream_port
        self._faults = faults
        self._mix = mix

    async def start(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, HOST, 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(HOST, self._upstream_port)
        except OSError:
            writer.transport.abort()
            return
        exchange = _Exchange()
        directions = [
            asyncio.create_task(self._ask(reader, server_writer, exchange)),
            asyncio.create_task(self._answer(server_reader, writer, exchange)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            for each in (writer, server_writer):
                each.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, exchange: _Exchange
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                if exchange.has_answer:
                    exchange.has_answer = False
                    exchange.decision = self._faults.next(self._kind, self._mix)
                    if self._is(exchange, Fault.REQUEST_DROPPED):
                        return
                writer.write(data)
                await writer.drain()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, exchange: _Exchange
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                exchange.has_answer = True
                if self._is(exchange, Fault.ANSWER_DROPPED):
                    return
                if self._is(exchange, Fault.ANSWER_CUT):
                    writer.write(data[: len(data) // 2])
                    return
                if self._is(exchange, Fault.ANSWER_LATE):
                    await asyncio.sleep(_LATE_SECONDS)
                    return
                if self._is(exchange, Fault.ANSWER_DELAYED):
                    assert exchange.decision is not None
                    await asyncio.sleep(exchange.decision.share * _DELAY_MAX_SECONDS)
                exchange.decision = None
                writer.write(data)
                await writer.drain()

    def _is(self, exchange: _Exchange, fault: Fault) -> bool:
        if exchange.decision is None or exchange.decision.fault != fault:
            return False
        self._faults.applied(self._kind, fault)
        return True
