"""Forgets which batches were sent, when no backup is old enough to ask for it."""

import asyncio
import logging
from contextlib import suppress

from app_service.database.database import Database
from app_service.ledger.domain import LedgerError
from app_service.outbox import outbox

PAUSE_SECONDS = 3600.0
PASS_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Retention:
    """Each task has one. A failure is logged, and the next pass tries again."""

    def __init__(self, *, database: Database, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._database = database
        self._pause_seconds = pause_seconds
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Let `run` return."""
        self._stopped.set()

    async def run(self) -> None:
        while not self._stopped.is_set():
            try:
                deadline = asyncio.get_running_loop().time() + PASS_SECONDS
                await self._database.run_once(outbox.empty_old_batches, deadline=deadline)
            except Exception as error:
                expected = isinstance(error, LedgerError)
                logger.log(
                    logging.WARNING if expected else logging.ERROR,
                    "old batches not emptied",
                    extra={"reason": type(error).__name__},
                    exc_info=None if expected else error,
                )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), self._pause_seconds)
