"""Reads for requests: on the pool for reading, so that many of them do not delay postings."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request

from app_service.api.deadlines import deadline_of
from app_service.api.services import services_of
from app_service.database.database import Connection

_T = TypeVar("_T")


async def read(request: Request, work: Callable[[Connection], Awaitable[_T]]) -> _T:
    """The result of `work`, which must be safe to repeat. Raises Unavailable."""
    return await services_of(request).reading.run(work, deadline=deadline_of(request))
