"""Until when a request must be answered: its time runs from its arrival, not from its start."""

import asyncio

from starlette.requests import Request
from starlette.types import Scope

REQUEST_SECONDS = 8
ARRIVED_AT = "arrived_at"  # in the state of the ASGI scope: the loop's time of the first byte


def deadline_of(request: Request) -> float:
    """In the loop's time (`loop.time()`), for `asyncio.timeout_at`."""
    return arrival_of(request.scope) + REQUEST_SECONDS


def arrival_of(scope: Scope) -> float:
    """The first call counts as the arrival if no server noted it, as in a test in memory."""
    state = scope.setdefault("state", {})
    arrived_at: float = state.setdefault(ARRIVED_AT, asyncio.get_running_loop().time())
    return arrived_at
