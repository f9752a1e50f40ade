"""Deletes the record of sent batches that are older than any backup."""

import asyncio
import logging

from app_service.database.database import Database
from app_service.outbox import outbox
from app_service.repeated_work import RepeatedWork

PAUSE_SECONDS = 3600.0
PASS_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Retention(RepeatedWork):
    """Each task has one."""

    def __init__(self, *, database: Database, pause_seconds: float = PAUSE_SECONDS) -> None:
        super().__init__(
            self._empty_old_batches,
            pause_seconds=pause_seconds,
            failure="old batches not emptied",
            logger=logger,
        )
        self._database = database

    async def _empty_old_batches(self) -> bool:
        deadline = asyncio.get_running_loop().time() + PASS_SECONDS
        await self._database.run_once(outbox.empty_old_batches, deadline=deadline)
        return False  # the next week's partition has days
