"""Combines many posting requests in few calls; a locked account delays only its own requests."""

import asyncio
import logging
from collections.abc import Collection, Coroutine, Sequence
from itertools import accumulate
from typing import Any, Protocol
from uuid import UUID

from app_service.ledger.domain import (
    CALL_MAX,
    AccountBusy,
    DatabaseUnavailable,
    Overloaded,
    Unavailable,
)
from app_service.ledger.submission import Submission
from app_service.ledger.verdict import Verdict
from app_service.posting.account_locks import LockNotGranted
from app_service.posting.call_shares import CallShares
from app_service.posting.deadlines import Deadlines
from app_service.posting.waiting import Key, PostingRequest, WaitingRequests, keys_of

# Of a call that others wait for. Longer than the queue of a popular account, which moves.
LOCK_WAIT_MS = 500
TURN_WAIT_MS = 1000  # of the connection that waits for held accounts, all of them together
TURN_WAIT_MIN_MS = 100
TURN_SECONDS = 2.0  # for the database to answer in a turn

_Outcome = tuple[PostingRequest, list[Verdict] | Exception]

logger = logging.getLogger(__name__)


class PostingCalls(Protocol):
    """Calls of the database. They raise Unavailable when the deadline is over, in loop time."""

    async def post(
        self, submissions: Sequence[Submission], *, lock_wait_ms: int, deadline: float
    ) -> list[Verdict]:
        """One verdict each. Raises LockNotGranted, with nothing written."""

    async def held(self, account_ids: Collection[int], *, deadline: float) -> frozenset[int]:
        """Those of the accounts that another session has locked."""

    async def wait_for(self, account_id: int, *, lock_wait_ms: int, deadline: float) -> None:
        """Return when the account is free, without locking it. Raises LockNotGranted."""


class Batcher:
    """At most `max_in_flight` calls run at a time, and one more for held accounts.

    When a call returns, the next one takes its share of what waits (`call_shares.py`), up to
    `call_max`: at low load a request is sent alone and at once; under load the calls grow. A
    request is never split, so its transactions are posted in their order.

    A call whose lock is not granted in `LOCK_WAIT_MS` writes nothing. Requests that touch a held
    account then wait for their turn on one connection of their own; the others are called again.
    """

    def __init__(
        self,
        calls: PostingCalls,
        *,
        max_in_flight: int,
        waiting_max: int = 10_000,
        held_max: int = 2_500,
        call_max: int = CALL_MAX,
    ) -> None:
        self._calls = calls
        self._max_in_flight = max_in_flight
        self._waiting_max = waiting_max
        self._held_max = held_max
        self._waiting = WaitingRequests(call_max=call_max)
        self._deadlines = Deadlines(self._end_time)
        self._shares = CallShares()
        self._look_again: asyncio.TimerHandle | None = None
        self._is_starting = False
        self._has_turns = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def post(self, submissions: Sequence[Submission], *, deadline: float) -> list[Verdict]:
        """One verdict per transaction, in order; at most `call_max` of them.

        Raises Overloaded if too many wait, AccountBusy or DatabaseUnavailable when the time is
        over, and any error of the call.
        """
        loop = asyncio.get_running_loop()
        request = PostingRequest(
            submissions=submissions,
            keys=keys_of(submissions),
            deadline=deadline,
            answer=loop.create_future(),
        )
        self._admit(request)
        self._deadlines.add(request)
        try:
            return await request.answer
        finally:
            self._deadlines.remove(request)
            self._waiting.remove(request)

    def _end_time(self, request: PostingRequest) -> None:
        is_held = self._waiting.is_held(request)
        request.fail(AccountBusy() if is_held else DatabaseUnavailable())

    def _admit(self, request: PostingRequest) -> None:
        size = len(request.submissions)
        if self._waiting.transactions + size > self._waiting_max:
            raise Overloaded(self._waiting.transactions)
        is_held = self._waiting.is_held(request)
        if is_held and self._waiting.transactions_held() + size > self._held_max:
            raise AccountBusy
        may_start = self._shares.calls < self._max_in_flight and self._waiting.may_be_next(request)
        self._waiting.add(request)
        if may_start and not self._is_starting:
            self._is_starting = True
            # Not now: requests that arrive in the same step share the call.
            asyncio.get_running_loop().call_soon(self._start_calls)

    def _start_calls(self) -> None:
        self._is_starting = False
        while self._shares.calls < self._max_in_flight and (taken := self._take()):
            self._start(self._call_and_continue(taken))

    def _take(self) -> list[PostingRequest]:
        """The requests of the next call. None of them if it must not start yet."""
        loop, requests = asyncio.get_running_loop(), self._waiting.requests
        if not requests:
            return []
        if pause := self._shares.pause_seconds(requests_waiting=requests, now=loop.time()):
            if self._look_again is None:
                self._look_again = loop.call_later(pause, self._start_late)
            return []
        share = self._shares.take_max(waiting=self._waiting.transactions)
        taken = self._waiting.take(transactions_max=share)
        if taken:
            self._shares.started(_size(taken), requests=len(taken), now=loop.time())
        return taken

    def _start_late(self) -> None:
        self._look_again = None
        self._start_calls()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(self._tasks.discard)

    async def _call_and_continue(self, requests: Sequence[PostingRequest]) -> None:
        try:
            outcomes = await self._call(requests, lock_wait_ms=LOCK_WAIT_MS)
        finally:
            self._shares.returned(_size(requests), requests=len(requests))
            self._waiting.free(requests)
            self._start_calls()
            self._shares.answered()
        # After the start of the next call: it need not wait until the answers are written.
        _answer(outcomes)

    async def _call(
        self, requests: Sequence[PostingRequest], *, lock_wait_ms: int
    ) -> list[_Outcome]:
        """Without those requests that have to be called later."""
        deadline = max(request.deadline for request in requests)
        try:
            verdicts = await self._calls.post(
                [each for request in requests for each in request.submissions],
                lock_wait_ms=lock_wait_ms,
                deadline=deadline,
            )
        except LockNotGranted:
            return await self._call_later(requests, deadline)
        except Exception as error:  # noqa: BLE001 - the batch boundary: each caller gets its answer
            if len(requests) == 1 or isinstance(error, Unavailable):
                return [(request, error) for request in requests]
            return [  # an error caused by one of them must not fail the others
                outcome
                for request in requests
                for outcome in await self._call([request], lock_wait_ms=lock_wait_ms)
            ]
        ends = accumulate(len(request.submissions) for request in requests)
        return [
            (request, verdicts[end - len(request.submissions) : end])
            for request, end in zip(requests, ends, strict=True)
        ]

    async def _call_later(
        self, requests: Sequence[PostingRequest], deadline: float
    ) -> list[_Outcome]:
        """Nothing was written. Find out which of the requests wait for whom."""
        keys = frozenset[Key]().union(*(request.keys for request in requests))
        accounts = [key for key in keys if isinstance(key, int)]
        try:
            held: Collection[Key] = await self._calls.held(accounts, deadline=deadline)
        except Exception as error:  # noqa: BLE001 - the batch boundary: each caller gets its answer
            return [(request, error) for request in requests]
        # If no account is held any more, it may be one that only the database knows.
        self._waiting.hold(held or [key for key in keys if isinstance(key, UUID)])
        self._waiting.put_back(requests)
        if not self._has_turns:
            self._has_turns = True
            self._start(self._take_turns())
        return []

    async def _take_turns(self) -> None:
        try:
            while held := self._waiting.next_turn():
                await self._turn(held)
                self._start_calls()
        finally:
            self._has_turns = False

    async def _turn(self, held: Sequence[Key]) -> None:
        """Post for the first of these if it is free soon; see whether the others are free now."""
        clock = asyncio.get_running_loop().time
        key, began = held[0], clock()
        try:
            await self._release_the_free(held[1:], deadline=began + TURN_SECONDS)
            if isinstance(key, int):
                # Not by the posting call: it would keep the requests' other accounts locked.
                wait_ms = max(TURN_WAIT_MS // len(held), TURN_WAIT_MIN_MS)
                await self._calls.wait_for(key, lock_wait_ms=wait_ms, deadline=began + TURN_SECONDS)
        except LockNotGranted:
            return
        except Exception as error:  # noqa: BLE001 - the posting call meets it and answers with it
            logger.warning("waiting for an account failed", extra={"reason": type(error).__name__})
            self._waiting.release([key])
            return
        requests = self._waiting.take_held(key)
        try:
            if requests:
                _answer(await self._call(requests, lock_wait_ms=TURN_WAIT_MS))
        finally:
            self._waiting.free(requests)
        if not requests or clock() - began < LOCK_WAIT_MS / 1000:
            self._waiting.release([key])  # a call need not wait for it any more

    async def _release_the_free(self, held: Sequence[Key], *, deadline: float) -> None:
        accounts = [key for key in held if isinstance(key, int)]
        if accounts:
            locked = await self._calls.held(accounts, deadline=deadline)
            self._waiting.release(set(accounts) - locked)
            self._start_calls()


def _size(requests: Sequence[PostingRequest]) -> int:
    return sum(len(request.submissions) for request in requests)


def _answer(outcomes: Sequence[_Outcome]) -> None:
    for request, outcome in outcomes:
        if isinstance(outcome, Exception):
            request.fail(outcome)
        else:
            request.succeed(outcome)
