"""Stands between the real code and the emulator of AWS, and applies the faults of the plan."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress

from soak.aws_calls import hurried, kind_of, refusal
from soak.http_message import Request, read_request
from soak.plan import AWS, Decision, Fault, Faults

HOST = "127.0.0.1"
_BYTES_MAX = 2**24
_DELAY_MAX_SECONDS = 0.8
_LATE_SECONDS = 6.0  # no client here waits longer than 5 s
_REFUSED = frozenset({Fault.ERROR_500, Fault.ERROR_503, Fault.THROTTLED})

# For negative controls: the answer to a call, or the calls that are made instead, or None.
Intercept = Callable[[str, Request], bytes | Sequence[Request] | None]


class HttpProxy:
    """Each connection carries one request: clients of AWS open the next one by themselves.

    `intercept` sees each call before the faults, which apply to the last of the calls it returns.
    """

    def __init__(
        self,
        *,
        upstream_port: int,
        faults: Faults,
        intercept: Intercept | None = None,
        overtaken_seconds: float = 0.5,  # then a call goes on although no other one has come
    ) -> None:
        self._upstream_port = upstream_port
        self._faults = faults
        self._intercept = intercept
        self._overtaken_seconds = overtaken_seconds
        self._overtaking: dict[str, list[asyncio.Future[None]]] = defaultdict(list)

    async def start(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, HOST, 0, limit=_BYTES_MAX)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await read_request(reader, writer)
            if request is not None:
                await self._handle(hurried(request), writer)
        except (ConnectionError, OSError):
            pass  # the client or the emulator has gone
        finally:
            writer.close()
            with suppress(ConnectionError, OSError):
                await writer.wait_closed()

    async def _handle(self, request: Request, writer: asyncio.StreamWriter) -> None:
        kind = kind_of(request)
        taken = self._intercept(kind, request) if self._intercept else None
        if isinstance(taken, bytes):
            writer.write(taken)
            return
        *others, request = taken or [request]
        for other in others:
            await self._forward(other)
        decision = self._faults.next(kind, AWS)
        answered = await self._apply(decision, kind, request)
        for waiting in self._overtaking.pop(kind, []):
            if not waiting.done():
                waiting.set_result(None)
        if decision is not None and decision.fault == Fault.ANSWER_OVERTAKEN:
            await self._overtaken(kind)
        if answered is None:
            writer.transport.abort()
        else:
            writer.write(answered)
            await writer.drain()

    async def _apply(self, decision: Decision | None, kind: str, request: Request) -> bytes | None:
        """What the client gets; None: a broken connection."""
        if decision is None:
            return await self._forward(request)
        fault = decision.fault
        self._faults.applied(kind, fault)
        if fault == Fault.REQUEST_DROPPED:
            return None
        if fault in _REFUSED:
            return refusal(kind, fault)
        if fault == Fault.REQUEST_OVERTAKEN:
            await self._overtaken(kind)
        answered = await self._forward(request)
        if fault == Fault.DOUBLED:
            answered = await self._forward(request)
        return await self._spoilt(answered, kind, decision)

    async def _spoilt(self, answered: bytes, kind: str, decision: Decision) -> bytes | None:
        """What the client gets of an answer; None: a broken connection."""
        match decision.fault:
            case Fault.ANSWER_DROPPED:
                return None
            case Fault.ANSWER_CUT:
                return answered[: int(decision.share * len(answered))]
            case Fault.DONE_AND_500:
                return refusal(kind, Fault.ERROR_500)
            case Fault.ANSWER_DELAYED:
                await asyncio.sleep(decision.share * _DELAY_MAX_SECONDS)
            case Fault.ANSWER_LATE:
                await asyncio.sleep(_LATE_SECONDS)
        return answered

    async def _overtaken(self, kind: str) -> None:
        """Return when another call of this kind has its answer."""
        other = asyncio.get_running_loop().create_future()
        self._overtaking[kind].append(other)
        with suppress(TimeoutError):
            await asyncio.wait_for(other, self._overtaken_seconds)

    async def _forward(self, request: Request) -> bytes:
        reader, writer = await asyncio.open_connection(HOST, self._upstream_port)
        try:
            writer.write(request.encoded())
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()
