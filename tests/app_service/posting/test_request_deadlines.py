"""One timer ends all requests whose time is over."""

import asyncio

from app_service.posting.deadlines import Deadlines
from app_service.posting.waiting import PostingRequest


def _request(seconds: float) -> PostingRequest:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    return PostingRequest(
        submissions=(), keys=frozenset(), deadline=deadline, answer=loop.create_future()
    )


async def test_each_request_ends_at_its_own_deadline_and_once() -> None:
    ended: list[PostingRequest] = []
    deadlines = Deadlines(ended.append)
    late, early, middle = _request(0.09), _request(0.03), _request(0.06)
    for request in (late, early, middle):
        deadlines.add(request)
    async with asyncio.timeout(5):
        while len(ended) < 3:
            await asyncio.sleep(0.005)
            now = asyncio.get_running_loop().time()
            assert all(request.deadline <= now + 0.005 for request in ended)
    await asyncio.sleep(0.02)
    assert ended == [early, middle, late]


async def test_an_answered_request_does_not_end_and_the_next_one_does() -> None:
    ended: list[PostingRequest] = []
    deadlines = Deadlines(ended.append)
    answered, waiting = _request(0.02), _request(0.04)
    deadlines.add(answered)
    deadlines.remove(answered)
    deadlines.add(waiting)
    async with asyncio.timeout(5):
        while not ended:  # noqa: ASYNC110 - what is awaited is a timer's call
            await asyncio.sleep(0.005)
    assert ended == [waiting]
