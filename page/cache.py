"""Remembers answers for seconds, so that open pages do not ask the APIs once each."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

_T = TypeVar("_T")


@dataclass(kw_only=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    until: float = 0
    value: Any = None
    error: Exception | None = None


class Cache:
    """Thread-safe: of several who want the same answer at the same time, one reads it.

    An error is an answer, too: an API that refuses because of too many calls is left alone.
    """

    def __init__(self, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[Hashable, _Entry] = {}

    def __len__(self) -> int:
        """How many answers it holds."""
        return len(self._entries)

    def get(self, key: Hashable, read: Callable[[], _T], *, seconds: float | None = None) -> _T:
        """The answer of `read`, which may be `seconds` old. Raises what `read` raised."""
        with self._lock:
            self._forget_old()
            entry = self._entries.setdefault(key, _Entry())
        with entry.lock:
            if self._clock() >= entry.until:
                try:
                    entry.value, entry.error = read(), None
                except Exception as error:  # noqa: BLE001 - raised below, for everybody who waits
                    entry.value, entry.error = None, error
                entry.until = self._clock() + (self._seconds if seconds is None else seconds)
            if entry.error is not None:
                raise entry.error
            value: _T = entry.value
            return value

    def _forget_old(self) -> None:
        now = self._clock()
        for key in [k for k, e in self._entries.items() if e.until < now and not e.lock.locked()]:
            del self._entries[key]
