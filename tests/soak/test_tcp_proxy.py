"""Each fault of a connection really happens, and at the right moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from soak.plan import Fault, Faults
from soak.tcp_proxy import HOST, TcpProxy
from tests.soak.one_fault import always

ANSWER = b"ten bytes!"


@dataclass(kw_only=True)
class Server:
    """Answers each line, and keeps it."""

    lines: list[bytes] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self.lines.append(line)
            writer.write(ANSWER)
            self.came.set()
        self.disconnected.set()
        writer.close()


@asynccontextmanager
async def through(faults: Faults) -> AsyncIterator[tuple[Server, int]]:
    upstream = Server()
    server = await asyncio.start_server(upstream.serve, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    proxy = await TcpProxy(kind="a server", upstream_port=port, faults=faults).start()
    yield upstream, proxy.sockets[0].getsockname()[1]
    proxy.close()
    server.close()


async def ask(port: int) -> bytes:
    """What came of the answer, until all of it or the end of the connection."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(b"a\n")
    try:
        return await reader.readexactly(len(ANSWER))
    except asyncio.IncompleteReadError as error:
        return error.partial
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("fault", "done", "answered"),
    [
        (None, [b"a\n"], ANSWER),
        (Fault.REQUEST_DROPPED, [], b""),
        (Fault.ANSWER_DROPPED, [b"a\n"], b""),
        (Fault.ANSWER_CUT, [b"a\n"], ANSWER[:5]),
        (Fault.ANSWER_DELAYED, [b"a\n"], ANSWER),
    ],
)
async def test_the_server_got_what_it_should_and_the_client_the_rest(
    fault: Fault | None, done: list[bytes], answered: bytes
) -> None:
    faults = always(fault)
    async with through(faults) as (server, port):
        assert await ask(port) == answered
        await server.disconnected.wait()
        assert server.lines == done
        assert faults.counts()[1] == ({} if fault is None else {("a server", fault): 1})


async def test_a_late_answer_does_not_come_while_the_client_waits() -> None:
    async with through(always(Fault.ANSWER_LATE)) as (server, port):
        asking = asyncio.create_task(ask(port))
        await server.came.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asking, 1)
        assert server.lines == [b"a\n"]


async def test_each_exchange_of_a_connection_is_a_call() -> None:
    faults = always(Fault.ANSWER_DELAYED)
    async with through(faults) as (_, port):
        reader, writer = await asyncio.open_connection(HOST, port)
        for _ in range(3):
            writer.write(b"a\n")
            await reader.readexactly(len(ANSWER))
        writer.close()
        assert faults.counts()[0] == {"a server": 3}


async def test_a_server_that_is_away_ends_the_connection() -> None:
    proxy = await TcpProxy(kind="a server", upstream_port=1, faults=always(None)).start()
    assert await ask(proxy.sockets[0].getsockname()[1]) == b""
    proxy.close()
