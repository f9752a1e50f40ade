"""Health of the task's dependencies."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

Probe = Callable[[], Awaitable[object]]

PROBE_TIMEOUT_SECONDS = 3.0
CACHED_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Health:
    """Calls the probe of each neighbour; a probe raises if its neighbour does not answer."""

    def __init__(
        self,
        probes: Mapping[str, Probe],
        *,
        timeout_seconds: float = PROBE_TIMEOUT_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._probes = probes
        self._timeout_seconds = timeout_seconds
        self._now = now
        self._lock = asyncio.Lock()
        self._found: dict[str, bool] = {}
        self._found_at = float("-inf")

    async def neighbours(self) -> Mapping[str, bool]:
        """By neighbour: True if it answers. Probed once a second at most: the route is public."""
        async with self._lock:
            if self._now() - self._found_at >= CACHED_SECONDS:
                answers = await asyncio.gather(*map(self._answers, self._probes))
                self._found = dict(zip(self._probes, answers, strict=True))
                self._found_at = self._now()
            return self._found

    async def _answers(self, name: str) -> bool:
        try:
            await asyncio.wait_for(self._probes[name](), self._timeout_seconds)
        except Exception as error:  # noqa: BLE001 - every failure means: no answer
            logger.warning(
                "neighbour missing", extra={"neighbour": name, "reason": type(error).__name__}
            )
            return False
        return True
