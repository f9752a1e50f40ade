"""A test in virtual time: nothing waits, and what happens at a moment can be told exactly."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

_P = ParamSpec("_P")
TEST_SECONDS = 1000.0  # of virtual time: far above any deadline in a test


class _Clock(selectors.SelectSelector):
    """Does not wait until the next timer of the loop, but sets the time to it."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def in_virtual_time(test: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, None]:
    """The test begins at 0. Its loop has no connections and no threads: only tasks and timers."""

    @wraps(test)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        async def limited() -> None:
            async with asyncio.timeout(TEST_SECONDS):
                await test(*args, **kwargs)

        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(limited())

    return run


def now() -> float:
    return asyncio.get_running_loop().time()


async def sleep_until(moment: float) -> None:
    await asyncio.sleep(moment - now())
