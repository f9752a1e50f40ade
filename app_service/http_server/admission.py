"""Which connections are served."""

import logging
import time
from collections.abc import Callable

from app_service.api.problems import Problem

WARN_AGAIN_SECONDS = 60.0

logger = logging.getLogger(__name__)


class Admission:
    """Refuses connections above a number, and all once the service stops.

    A health check is served on a refused connection too: a task that has too much to do is not ill,
    and would be replaced when it is needed most.
    """

    def __init__(
        self,
        *,
        connections_max: int,
        health_path: str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.health_url = health_path.encode()
        self._connections_max = connections_max
        self._now = now
        self._refused = 0
        self._warn_at = 0.0
        self.is_stopping = False

    def refusal(self, connections: int) -> Problem | None:
        """The answer to a new connection that is not served. `connections` counts it."""
        if self.is_stopping:
            detail = "the service stops; send the request again"
        elif connections > self._connections_max:
            detail = "too many connections are open; send the request again later"
            self._warn()
        else:
            return None
        headers = {"Retry-After": "1"}
        return Problem(503, "overloaded", detail, headers=headers)

    def is_closed(self, connections: int) -> bool:
        """Whether a refused connection does not even get the time to send its request."""
        return self.is_stopping or connections > 2 * self._connections_max

    def _warn(self) -> None:
        """One line at the first refusal and then at most one a minute, not one per connection."""
        self._refused += 1
        if self._now() < self._warn_at:
            return
        self._warn_at = self._now() + WARN_AGAIN_SECONDS
        logger.warning(
            "connections refused",
            extra={"connections_max": self._connections_max, "refused": self._refused},
        )
        self._refused = 0
