"""Runs the proxies on an event loop in a thread of their own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Proxy(Protocol):
    async def start(self) -> asyncio.Server: ...


class ProxyLoop:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def port_of(self, proxy: Proxy) -> int:
        """Start the proxy, and return the port on which it listens."""
        server = asyncio.run_coroutine_threadsafe(proxy.start(), self._loop).result()
        return int(server.sockets[0].getsockname()[1])


@contextmanager
def proxy_loop() -> Iterator[ProxyLoop]:
    """What still runs at the end is cancelled."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever, name="proxies")
        thread.start()
        try:
            yield ProxyLoop(loop)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
