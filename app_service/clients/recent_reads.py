"""Values that were read from a store a moment ago, so that it is asked less often."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

from app_service.ledger.domain import Unavailable

FRESH_SECONDS = 5.0  # a change in the store is noticed after this
CACHED_SECONDS = 300.0  # how long a value is used while the store does not answer
CHECK_TIMEOUT_SECONDS = 0.25  # how long a request with a known value waits for its check
CACHED_MAX = 10_000  # values, and as many keys without one
FIRST_READS_MAX = 8  # at a time; further ones wait for their turn

_V = TypeVar("_V")
Read = Callable[[], Awaitable[_V | None]]


@dataclass(frozen=True, slots=True)
class _Kept(Generic[_V]):
    value: _V | None
    seen_at: float  # when the store last returned it
    fresh_until: float  # until then the store is not asked again


class RecentReads(Generic[_V]):
    """Values by their key, and for FRESH_SECONDS the keys that have none.

    A value is used for FRESH_SECONDS; then it is read again, and used as it is while the store does
    not answer, for CACHED_SECONDS at most. Values and keys without one have separate room, so that
    no number of unknown keys displaces a value.
    """

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._known: OrderedDict[str, _Kept[_V]] = OrderedDict()
        self._unknown: OrderedDict[str, _Kept[_V]] = OrderedDict()
        self._reads: dict[str, asyncio.Task[_V | None]] = {}
        self._turns = asyncio.Semaphore(FIRST_READS_MAX)

    async def find(
        self, key: str, *, read: Read[_V], admit: Callable[[], None] = lambda: None
    ) -> _V | None:
        """The value of `key`, or None.

        `read` returns it from the store, or raises Unavailable. `admit` may raise an error to stop
        the read of a key about which nothing is known; it is called again when its turn comes,
        because others may have failed meanwhile. The check of a known value is always admitted:
        otherwise a value that was deleted could be used longer.
        """
        fresh = self._fresh(key)
        if fresh is not None:
            return fresh.value
        known = self._known.get(key)
        if known is not None and self._now() < known.seen_at + CACHED_SECONDS:
            return await self._check_or_use(key, known, read)
        admit()
        async with self._turns:
            fresh = self._fresh(key)  # another request may have read it meanwhile
            if fresh is not None:
                return fresh.value
            admit()
            return await asyncio.shield(self._read_once(key, read))

    def recent(self, key: str) -> _V | None:
        """The value of `key` if `find` would return it without asking the store."""
        known = self._known.get(key)
        return known.value if known is not None and self._now() < known.fresh_until else None

    def remember(self, key: str, value: _V) -> None:
        self._unknown.pop(key, None)
        self._keep(self._known, key, value)

    def forget(self, key: str) -> None:
        """The next `find` reads it again. A read that runs now still counts."""
        self._known.pop(key, None)

    def _fresh(self, key: str) -> _Kept[_V] | None:
        now = self._now()
        for kept in (self._known.get(key), self._unknown.get(key)):
            if kept is not None and now < kept.fresh_until:
                return kept
        return None

    async def _check_or_use(self, key: str, known: _Kept[_V], read: Read[_V]) -> _V | None:
        """The value from the store, or the known one if the store does not answer soon."""
        check = self._read_once(key, read)
        done, _ = await asyncio.wait([check], timeout=CHECK_TIMEOUT_SECONDS)
        if done and check.exception() is None:
            return check.result()
        return known.value

    def _read_once(self, key: str, read: Read[_V]) -> "asyncio.Task[_V | None]":
        """One read at a time per key; all requests that need its answer wait for it."""
        running = self._reads.get(key)
        if running is None:
            running = asyncio.create_task(self._read_and_remember(key, read))
            self._reads[key] = running
            running.add_done_callback(partial(self._ended, key))
        return running

    def _ended(self, key: str, done: "asyncio.Task[_V | None]") -> None:
        del self._reads[key]
        if not done.cancelled():
            done.exception()  # marks it as retrieved: it is logged, and nobody may wait

    async def _read_and_remember(self, key: str, read: Read[_V]) -> _V | None:
        try:
            value = await read()
        except Unavailable:
            known = self._known.get(key)
            if known is not None:  # fewer calls to a failing store: check again later
                again_at = self._now() + FRESH_SECONDS
                self._known[key] = replace(known, fresh_until=again_at)
            raise
        if value is None:
            self._known.pop(key, None)
            self._keep(self._unknown, key, None)
        else:
            self.remember(key, value)
        return value

    def _keep(self, entries: OrderedDict[str, _Kept[_V]], key: str, value: _V | None) -> None:
        now = self._now()
        entries[key] = _Kept(value, now, now + FRESH_SECONDS)
        entries.move_to_end(key)
        if len(entries) > CACHED_MAX:
            entries.popitem(last=False)
