"""A pool whose connections fail when they are terminated, and a record of what was done to them."""

import asyncio
from typing import Any

import asyncpg

from tests.app_service.virtual_time import now


class FakePool:
    """`done` holds what was done, to which connection, and when."""

    def __init__(self, *, size: int = 1) -> None:
        self._free = asyncio.Semaphore(size)
        self._numbers = 0
        self.done: list[tuple[str, int, float]] = []

    @property
    def pool(self) -> Any:
        return self

    async def acquire(self) -> "FakeConnection":
        await self._free.acquire()
        self._numbers += 1
        self.record("acquire", self._numbers)
        return FakeConnection(self, self._numbers)

    async def release(self, connection: "FakeConnection") -> None:
        self.record("release", connection.number)
        self._free.release()

    def record(self, what: str, number: int) -> None:
        self.done.append((what, number, now()))

    def when(self, what: str) -> list[float]:
        return [moment for each, _, moment in self.done if each == what]


class FakeConnection:
    def __init__(self, pool: FakePool, number: int) -> None:
        self._pool = pool
        self.number = number
        self._end = asyncio.Event()

    def terminate(self) -> None:
        if self._end.is_set():  # as asyncpg's proxy of a connection that was given back
            raise asyncpg.InterfaceError("terminated before")
        self._end.set()
        self._pool.record("terminate", self.number)

    async def command(self, seconds: float) -> str:
        """Runs so long in the server. Fails at once when the connection is terminated.

        A cancellation of it is what must not happen: it would ask the server to cancel.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._end.wait()
        except TimeoutError:
            return "done"
        except asyncio.CancelledError:
            self._pool.record("cancel", self.number)
            raise
        raise asyncpg.ConnectionDoesNotExistError("terminated")
