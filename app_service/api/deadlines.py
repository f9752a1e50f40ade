"""Until when a request must be answered: its time runs from its arrival, not from its start."""

import asyncio

from starlette.requests import Request
from starlette.types import Scope

REQUEST_SECONDS = 8
ARRIVED_AT = "arrived_at"  # in the state of the ASGI scope: the loop's time of the first byte


def deadline_of(request: Request) -> float:
    """In the loop's time (`loop.time()`), for `asyncio.timeout_at`."""
    return deadline_in(request.scope)


def deadline_in(scope: Scope) -> float:
    return arrival_of(scope) + REQUEST_SECONDS


def arrival_of(scope: Scope) -> float:
    """The first call counts as the arrival if no server noted it, as in a test in memory."""
    state = scope.setdefault("state", {})
    if ARRIVED_AT not in state:
        state[ARRIVED_AT] = asyncio.get_running_loop().time()
    arrived_at: float = state[ARRIVED_AT]
    return arrived_at
