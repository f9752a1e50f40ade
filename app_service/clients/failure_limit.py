"""A limit of failed attempts, for each client address."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

ADDRESSES_MAX = 10_000  # remembered at once; the oldest is forgotten first


class TooManyFailures(Exception):
    """This address has failed too often; its next attempt is refused without a look."""

    def __init__(self, *, code: str, detail: str, retry_after_seconds: int) -> None:
        super().__init__(f"{detail}: send the request again after {retry_after_seconds} s")
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class FailureLimit:
    """An address may fail `burst` times at once, and one time more after each `seconds`.

    Only failures count, so an address that never fails is never refused.
    """

    def __init__(
        self,
        *,
        code: str,
        detail: str,
        burst: int,
        seconds: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._code = code
        self._detail = detail
        self._burst = burst
        self._seconds = seconds
        self._now = now
        # By address: when all of its failures are forgotten.
        self._clean_at: OrderedDict[str, float] = OrderedDict()

    def check(self, address: str) -> None:
        """Raises TooManyFailures if this address must wait."""
        allowed_at = self._clean_at.get(address, -math.inf) - (self._burst - 1) * self._seconds
        wait = allowed_at - self._now()
        if wait > 0:
            raise TooManyFailures(
                code=self._code, detail=self._detail, retry_after_seconds=math.ceil(wait)
            )

    def failed(self, address: str) -> None:
        now = self._now()
        self._clean_at[address] = max(self._clean_at.pop(address, now), now) + self._seconds
        if len(self._clean_at) > ADDRESSES_MAX:
            self._clean_at.popitem(last=False)


def failed_logins(*, now: Callable[[], float] = time.monotonic) -> FailureLimit:
    """Of one task. A secret has 256 random bits: the limit saves work and lines, not the secret."""
    return FailureLimit(
        code="too_many_failed_logins",
        detail="this address sent too many wrong credentials",
        burst=10,
        seconds=5,
        now=now,
    )


def unknown_tokens(*, now: Callable[[], float] = time.monotonic) -> FailureLimit:
    """Of one task. Many users of one address may find at once that their sessions have expired.

    Beyond it the answer is not 401: the token may be that of a session of another task.
    """
    return FailureLimit(
        code="too_many_unknown_tokens",
        detail="this address sent too many tokens of no session",
        burst=100,
        seconds=0.1,
        now=now,
    )
