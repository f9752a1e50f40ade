"""A request's deadline counts from its arrival."""

import asyncio

from starlette.requests import Request

from app_service.api.deadlines import ARRIVED_AT, REQUEST_SECONDS, deadline_of


async def test_the_time_of_a_request_runs_from_its_arrival() -> None:
    arrived_at = asyncio.get_running_loop().time() - 5
    request = Request({"type": "http", "state": {ARRIVED_AT: arrived_at}})
    assert deadline_of(request) == arrived_at + REQUEST_SECONDS


async def test_without_a_server_all_calls_of_one_request_give_the_same_deadline() -> None:
    scope = {"type": "http"}
    before = asyncio.get_running_loop().time()
    first = deadline_of(Request(scope))
    await asyncio.sleep(0.002)
    assert deadline_of(Request(scope)) == first >= before + REQUEST_SECONDS
