"""Work that a task repeats until it stops, beside its requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from app_service.ledger.domain import LedgerError


class RepeatedWork:
    """Runs `work` again and again, with a pause unless it returns True: there is more to do.

    A failure is logged as `failure`, and the next pass tries again: a warning if it is one of
    `expected`, else an error with its traceback.
    """

    def __init__(
        self,
        work: Callable[[], Awaitable[bool]],
        *,
        pause_seconds: float,
        failure: str,
        logger: logging.Logger,
        expected: tuple[type[Exception], ...] = (LedgerError,),
    ) -> None:
        self._work = work
        self._pause_seconds = pause_seconds
        self._failure = failure
        self._logger = logger
        self._expected = expected
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Let `run` return."""
        self._stopped.set()

    async def run(self) -> None:
        while not self._stopped.is_set():
            if not await self._pass():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), self._pause_seconds)

    async def _pass(self) -> bool:
        try:
            return await self._work()
        except Exception as error:
            expected = isinstance(error, self._expected)
            self._logger.log(
                logging.WARNING if expected else logging.ERROR,
                self._failure,
                extra={"reason": type(error).__name__},
                exc_info=None if expected else error,
            )
            return False
