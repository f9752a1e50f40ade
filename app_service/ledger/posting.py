"""The only call that writes money, and the batcher that combines many requests in few calls."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app_service.ledger.database import Connection
from app_service.ledger.domain import CALL_MAX, Overloaded, Unavailable
from app_service.ledger.submission import Submission
from app_service.ledger.transaction_sql import ATTRIBUTES, arrays_of, post_sql
from app_service.ledger.verdict import Verdict

LOCK_WAIT_MS = 5000
_POST_SQL = post_sql(
    (f"${position}" for position, _ in enumerate(ATTRIBUTES, start=1)),
    lock_wait_ms=f"${len(ATTRIBUTES) + 1}",
)


async def post_transactions(
    connection: Connection, submissions: Sequence[Submission], *, lock_wait_ms: int = LOCK_WAIT_MS
) -> list[Verdict]:
    """Post up to 1000 transactions in their order and in one commit; one verdict each.

    Call outside a database transaction. Safe to repeat: an id moves money once, and a repeated
    call answers `replayed` for what was posted before.
    """
    arrays = arrays_of(submissions).values()
    rows = await connection.fetch(_POST_SQL, *arrays, lock_wait_ms)
    return [Verdict(row[0]) for row in rows]


Post = Callable[[Sequence[Submission]], Awaitable[list[Verdict]]]


@dataclass(frozen=True, slots=True)
class _Request:
    submissions: Sequence[Submission]
    answer: asyncio.Future[list[Verdict]]

    def succeed(self, verdicts: list[Verdict]) -> None:
        if not self.answer.done():  # its caller may have been cancelled
            self.answer.set_result(verdicts)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Batcher:
    """At most `max_in_flight` calls run at a time; later transactions wait.

    When a call returns, the next one takes everything that waits, up to `call_max`. There is no
    timer: at low load a request is sent alone and at once; under load the calls grow. A request is
    never split, so its transactions are posted in their order.
    """

    def __init__(
        self, post: Post, *, max_in_flight: int, waiting_max: int = 10_000, call_max: int = CALL_MAX
    ) -> None:
        self._post = post
        self._max_in_flight = max_in_flight
        self._waiting_max = waiting_max
        self._call_max = call_max
        self._waiting: deque[_Request] = deque()
        self._waiting_count = 0
        self._busy = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def post(self, submissions: Sequence[Submission]) -> list[Verdict]:
        """One verdict per transaction, in order; at most `call_max` of them.

        Raises Overloaded, with nothing written, if too many wait, and any error of the call.
        """
        if self._waiting_count + len(submissions) > self._waiting_max:
            raise Overloaded(self._waiting_count)
        request = _Request(submissions, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._waiting_count += len(submissions)
        if self._busy < self._max_in_flight:
            self._busy += 1
            call = asyncio.create_task(self._drain())
            self._tasks.add(call)  # the loop itself keeps only a weak reference
            call.add_done_callback(self._tasks.discard)
        return await request.answer

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._call(self._take())
        finally:
            # In the same step as the last check of the queue: a request that arrives between that
            # check and a later callback would find every call busy and wait forever.
            self._busy -= 1

    def _take(self) -> list[_Request]:
        taken = [self._waiting.popleft()]
        size = len(taken[0].submissions)
        while self._waiting and size + len(self._waiting[0].submissions) <= self._call_max:
            taken.append(self._waiting.popleft())
            size += len(taken[-1].submissions)
        self._waiting_count -= size
        return taken

    async def _call(self, requests: Sequence[_Request]) -> None:
        try:
            verdicts = await self._post(
                [each for request in requests for each in request.submissions]
            )
        except Exception as error:  # noqa: BLE001 - the batch boundary: each caller gets its answer
            if len(requests) == 1 or isinstance(error, Unavailable):
                for request in requests:
                    request.fail(error)
                return
            for request in requests:  # an error caused by one of them must not fail the others
                await self._call([request])
            return
        position = 0
        for request in requests:
            end = position + len(request.submissions)
            request.succeed(verdicts[position:end])
            position = end
