"""Work of requests on the pool for reading, so that much of it does not delay postings."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request

from app_service.api.deadlines import deadline_of
from app_service.api.services import services_of
from app_service.database.database import Connection

_T = TypeVar("_T")


async def read(request: Request, work: Callable[[Connection], Awaitable[_T]]) -> _T:
    """The result of `work`, which is safe to repeat and waits for no lock. Raises Unavailable."""
    return await services_of(request).reading.run(work, deadline=deadline_of(request))


async def lock_and_read(
    request: Request, account_id: int, work: Callable[[Connection], Awaitable[_T]]
) -> _T:
    """As `read`, for work that locks this account: the connections for reading stay free."""
    turns, deadline = services_of(request).account_turns, deadline_of(request)
    async with turns.turn(account_id, deadline=deadline):
        return await read(request, work)
