"""Until when a request must be answered: its time runs from its arrival, not from its start."""

import asyncio

from starlette.requests import Request

REQUEST_SECONDS = 8
ARRIVED_AT = "arrived_at"  # in the state of the ASGI scope; the loop's time of the first byte


def deadline_of(request: Request) -> float:
    """In the loop's time (`loop.time()`), for `asyncio.timeout_at`.

    Without a server that notes the arrival, as in a test in memory, the first call is the arrival.
    """
    state = request.scope.setdefault("state", {})
    arrived_at: float = state.setdefault(ARRIVED_AT, asyncio.get_running_loop().time())
    return arrived_at + REQUEST_SECONDS
