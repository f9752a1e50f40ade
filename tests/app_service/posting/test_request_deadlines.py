"""One timer ends all requests whose time is over."""

import asyncio

from app_service.posting.deadlines import Deadlines
from app_service.posting.waiting import PostingRequest
from tests.app_service.virtual_time import in_virtual_time, now, sleep_until


def _request(deadline: float) -> PostingRequest:
    answer = asyncio.get_running_loop().create_future()
    return PostingRequest(submissions=(), keys=frozenset(), deadline=deadline, answer=answer)


@in_virtual_time
async def test_each_request_ends_at_its_own_deadline_and_once() -> None:
    ended: list[tuple[PostingRequest, float]] = []
    deadlines = Deadlines(lambda request: ended.append((request, now())))
    late, early, middle = _request(9), _request(3), _request(6)
    for request in (late, early, middle):
        deadlines.add(request)

    await sleep_until(100)
    assert ended == [(early, 3), (middle, 6), (late, 9)]


@in_virtual_time
async def test_requests_with_the_same_deadline_end_together() -> None:
    ended: list[tuple[PostingRequest, float]] = []
    deadlines = Deadlines(lambda request: ended.append((request, now())))
    requests = [_request(3), _request(3)]
    for request in requests:
        deadlines.add(request)

    await sleep_until(100)
    assert {request for request, _ in ended} == {*requests}
    assert [moment for _, moment in ended] == [3, 3]


@in_virtual_time
async def test_an_answered_request_does_not_end_and_the_next_one_does() -> None:
    ended: list[tuple[PostingRequest, float]] = []
    deadlines = Deadlines(lambda request: ended.append((request, now())))
    answered, waiting = _request(2), _request(4)
    deadlines.add(answered)
    deadlines.remove(answered)
    deadlines.add(waiting)

    await sleep_until(100)
    assert ended == [(waiting, 4)]
