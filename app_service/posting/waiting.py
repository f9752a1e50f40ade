"""Posting requests that wait, and the accounts that decide which of them may share a call."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app_service.ledger.submission import Submission
from app_service.ledger.verdict import Verdict

# An account number; or the id of a target, if only the database knows which accounts it touches.
Key = int | UUID


def keys_of(submissions: Iterable[Submission]) -> frozenset[Key]:
    keys: set[Key | None] = set()
    for submission in submissions:
        t = submission.transaction
        keys.update((t.debit_account, t.credit_account, t.target_id))
    keys.discard(None)
    return frozenset(keys)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class PostingRequest:
    submissions: Sequence[Submission]
    keys: frozenset[Key]
    deadline: float
    answer: "asyncio.Future[list[Verdict]]"

    def succeed(self, verdicts: list[Verdict]) -> None:
        if not self.answer.done():  # its caller may have been cancelled, or its time is over
            self.answer.set_result(verdicts)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class WaitingRequests:
    """Requests in the order of their arrival.

    An account is *in use* while a call of this process touches it, and *held* while another session
    keeps it locked. A request is taken when none of its accounts is in use: so calls of one process
    do not wait for each other in the database, and the requests of an account are posted in their
    order. A request that waits for a held account does not hold back its other accounts.
    """

    def __init__(self, *, call_max: int) -> None:
        self._call_max = call_max
        self._requests: dict[PostingRequest, None] = {}  # a list that loses its members cheaply
        self._in_use: set[Key] = set()
        self._held: dict[Key, None] = {}  # in the order of their turns
        self.transactions = 0  # of all requests that wait

    @property
    def requests(self) -> int:
        return len(self._requests)

    def add(self, request: PostingRequest) -> None:
        self._requests[request] = None
        self.transactions += len(request.submissions)

    def remove(self, request: PostingRequest) -> None:
        """Does nothing if the request was taken."""
        if request in self._requests:
            del self._requests[request]
            self.transactions -= len(request.submissions)

    def may_be_next(self, request: PostingRequest) -> bool:
        """False if `take` would certainly not take this request, which is not yet added."""
        return self._in_use.isdisjoint(request.keys) and not self.is_held(request)

    def take(self, *, transactions_max: int) -> list[PostingRequest]:
        """The oldest requests of which no account is in use or held.

        Together they have at most `transactions_max` transactions, or are one request.
        """
        free = (each for each in self._requests if not self.is_held(each))
        return self._take(free, min(transactions_max, self._call_max))

    def take_held(self, key: Key) -> list[PostingRequest]:
        """The oldest requests that touch this held account and no other one."""
        others = self._held.keys() - {key}
        free = (r for r in self._requests if key in r.keys and others.isdisjoint(r.keys))
        return self._take(free, self._call_max)

    def _take(
        self, requests: Iterable[PostingRequest], transactions_max: int
    ) -> list[PostingRequest]:
        taken: list[PostingRequest] = []
        size = 0
        passed: set[Key] = set()  # accounts of older requests that were not taken
        for request in requests:
            keys = request.keys
            if not (self._in_use.isdisjoint(keys) and passed.isdisjoint(keys)):
                passed |= keys
                continue
            size += len(request.submissions)
            if taken and size > transactions_max:
                break
            taken.append(request)
            if size >= transactions_max:
                break
        for request in taken:
            self.remove(request)
            self._in_use |= request.keys
        return taken

    def put_back(self, requests: Sequence[PostingRequest]) -> None:
        """In front: every waiting request that shares an account with them is younger."""
        unanswered = [request for request in requests if not request.answer.done()]
        self._requests = dict.fromkeys([*unanswered, *self._requests])
        self.transactions += sum(len(request.submissions) for request in unanswered)

    def free(self, requests: Iterable[PostingRequest]) -> None:
        """A call that took these requests has ended."""
        for request in requests:
            self._in_use -= request.keys

    def hold(self, keys: Iterable[Key]) -> None:
        self._held.update(dict.fromkeys(keys))

    def release(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._held.pop(key, None)

    def is_held(self, request: PostingRequest) -> bool:
        return bool(self._held) and not self._held.keys().isdisjoint(request.keys)

    def transactions_held(self) -> int:
        return sum(len(each.submissions) for each in self._requests if self.is_held(each))

    def next_turn(self) -> tuple[Key, ...]:
        """What is held and waited for; the first is that whose turn it is.

        What no request waits for any more is forgotten.
        """
        wanted = {key for request in self._requests for key in request.keys if key in self._held}
        self._held = {key: None for key in self._held if key in wanted}
        keys = tuple(self._held)
        if keys:
            self._held[keys[0]] = self._held.pop(keys[0])  # its next turn is the last
        return keys
