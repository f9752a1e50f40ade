"""How much a posting call takes and when the next one starts, so that nobody works alone.

The service reads requests and writes answers with one thread; meanwhile the database works on a
call. Both are busy all the time if two shares of the requests take turns: one is posted while the
other is answered. Three rules keep the shares equal, whatever the database takes for a call:

* A call takes at most half of what is unanswered. Otherwise one share grows, and the database is
  idle while it is answered.
* The next call starts beside those that run when as many requests wait as one of them has on
  average. A small call costs the database and the service almost as much as a large one.
* A call that lasts longer than usual, for example because it waits for a lock, holds nobody back.

Measured with 64 connections: `docs/decisions/posting-calls.md`.
"""

# A call of so few is not cut: nearly all of its cost is that of any call.
UNCUT_MAX = 16
# Longer than a call usually takes, so that at full load it is the number that counts.
PATIENCE_SECONDS = 0.02


class CallShares:
    """Sizes are of transactions. Times are those of the event loop, in seconds."""

    def __init__(self) -> None:
        self.calls = 0  # that run
        self._requests = 0  # of these calls
        self._in_flight = 0
        self._answering = 0  # whose call has just returned
        self._last_start = 0.0

    def pause_seconds(self, *, requests_waiting: int, now: float) -> float:
        """0 if a call may start now; otherwise how long it may have to wait at most."""
        if requests_waiting * self.calls >= self._requests:
            return 0
        return max(0.0, self._last_start + PATIENCE_SECONDS - now)

    def take_max(self, *, waiting: int) -> int:
        unanswered = waiting + self._in_flight + self._answering
        return max(UNCUT_MAX, (unanswered + 1) // 2)

    def started(self, transactions: int, *, requests: int, now: float) -> None:
        self.calls += 1
        self._requests += requests
        self._in_flight += transactions
        self._last_start = now

    def returned(self, transactions: int, *, requests: int) -> None:
        self.calls -= 1
        self._requests -= requests
        self._in_flight -= transactions
        self._answering = transactions

    def answered(self) -> None:
        self._answering = 0
