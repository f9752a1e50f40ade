"""The deadlines of all requests that wait for an answer, with one timer for all of them."""

import asyncio
from collections.abc import Callable

from app_service.posting.waiting import PostingRequest

# A timer of uvloop may come this much too early.
_CLOCK_SECONDS = 0.001


class Deadlines:
    """Calls `on_over` once with each request whose deadline is over and that was not removed.

    A timer for each request would cost as much as the posting of its transaction.
    """

    def __init__(self, on_over: Callable[[PostingRequest], None]) -> None:
        self._on_over = on_over
        self._requests: set[PostingRequest] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, request: PostingRequest) -> None:
        self._requests.add(request)
        if self._timer is None or request.deadline < self._timer.when():
            self._set_timer(request.deadline)

    def remove(self, request: PostingRequest) -> None:
        """The timer stays for the next one: most requests are answered long before it."""
        self._requests.discard(request)

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._end_those_that_are_over)

    def _end_those_that_are_over(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time() + _CLOCK_SECONDS
        for request in [each for each in self._requests if each.deadline <= now]:
            self._requests.discard(request)
            self._on_over(request)
        if self._requests:
            self._set_timer(min(request.deadline for request in self._requests))
