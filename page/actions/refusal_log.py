"""Writes refused requests to the log. Any site and any user can cause as many as they like."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_LINES_MAX: Final = 5  # in a minute
_MINUTE: Final = 60
_METHOD_LENGTH_MAX: Final = 20
_PATH_LENGTH_MAX: Final = 200

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class RefusalLog:
    """At most some lines a minute; the next line after it says how many were left out."""

    clock: Callable[[], float] = time.monotonic
    _began: float = float("-inf")
    _lines: int = 0
    _left_out: int = 0

    def write(self, method: str, path: str, reason: str) -> None:
        """`method` and `path` as the client sent them: no character may control a terminal."""
        now = self.clock()
        if now - self._began >= _MINUTE:
            if self._left_out:
                logger.warning("refused %d more requests", self._left_out)
            self._began, self._lines, self._left_out = now, 0, 0
        if self._lines == _LINES_MAX:
            self._left_out += 1
            return
        self._lines += 1
        logger.warning(
            "refused %r %r: %s", method[:_METHOD_LENGTH_MAX], path[:_PATH_LENGTH_MAX], reason
        )
