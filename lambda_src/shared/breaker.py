"""Circuit breaker of what a queue's function needs: the ledger, or the archive in S3. All
invocations share one state.

While it is closed, every batch calls. After `failures_max` failures in a row it opens: no batch
calls until a pause ends. Then one invocation probes with its batch. Success closes the breaker;
failure opens it for a longer pause.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

logger = logging.getLogger(__name__)

# The names of the two, by which their states are stored.
LEDGER: Final = "ledger"
ARCHIVE: Final = "archive"

PROBE_SECONDS = 25  # by then the probe has reported or failed, and another one may start
_ROUNDS = 5  # attempts, because others may write between a read and its write


class StateUnavailable(Exception):
    """The shared state could not be read or written."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    failures_max: int
    pause_first_seconds: int
    pause_max_seconds: int


@dataclass(frozen=True, kw_only=True)
class State:
    """The shared state. `revision` is that of the stored item, 0 if there is none."""

    revision: int = 0
    failures: int = 0  # in a row
    pause_seconds: int = 0  # 0 while it is closed
    retry_at: int = 0  # seconds since the epoch

    @property
    def is_open(self) -> bool:
        return self.pause_seconds > 0

    def probed(self, now: int) -> "State":
        """One invocation probes; the others wait until it has finished."""
        return replace(self, retry_at=now + PROBE_SECONDS)

    def failed(self, now: int, limits: Limits, *, is_probe: bool) -> "State":
        if self.is_open and not is_probe:  # the call began before the breaker opened
            return self
        failures = self.failures + 1
        if not self.is_open and failures < limits.failures_max:
            return replace(self, failures=failures)
        pause = 2 * self.pause_seconds if self.is_open else limits.pause_first_seconds
        pause = min(pause, limits.pause_max_seconds)
        return replace(self, failures=failures, pause_seconds=pause, retry_at=now + pause)

    def succeeded(self, *, is_probe: bool) -> "State":
        if self.is_open and not is_probe:  # as above: the success is older
            return self
        return State(revision=self.revision)


class Store(Protocol):
    def read(self) -> State:
        """Raises StateUnavailable."""

    def write(self, state: State) -> bool:
        """True if stored; False if another state was stored after `state.revision` was read.

        Raises StateUnavailable.
        """


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Whether to call; if not, how long to wait and over how long to spread retries."""

    is_admitted: bool
    is_probe: bool = False
    has_no_failures: bool = False  # closed, and no failure counted
    wait_seconds: int = 0
    spread_seconds: int = 0


class CircuitBreaker:
    """Shared by all invocations through `store`. If the store is unavailable, every batch is
    admitted. Report the outcome of every admitted batch with `succeeded` or `failed`.
    """

    def __init__(self, *, store: Store, limits: Limits, now: Callable[[], float]) -> None:
        self._store = store
        self._limits = limits
        self._now = now

    def admit(self) -> Admission:
        try:
            state = self._store.read()
            if not state.is_open:
                return Admission(is_admitted=True, has_no_failures=state.failures == 0)
            now = int(self._now())
            if now >= state.retry_at and self._store.write(state.probed(now)):
                return Admission(is_admitted=True, is_probe=True)
        except StateUnavailable:
            logger.exception("breaker ignored")
            return Admission(is_admitted=True)
        logger.warning("breaker is open", extra={"breaker_open": 1})
        return self._refusal(state, now)

    def succeeded(self, admission: Admission) -> None:
        if admission.has_no_failures:  # the usual case: one read and no write
            return
        self._change(lambda state: state.succeeded(is_probe=admission.is_probe))
        if admission.is_probe:
            logger.info("breaker closed", extra={"breaker_open": 0})

    def failed(self, admission: Admission) -> Admission:
        """Count a failure. Returns how long to wait, as for a refused batch."""
        now = int(self._now())
        state = self._change(
            lambda state: state.failed(now, self._limits, is_probe=admission.is_probe)
        )
        if state is None:  # nobody else would report the outage
            logger.warning("failure without a breaker", extra={"breaker_open": 1})
            state = State()
        elif state.is_open:
            logger.warning("breaker is open", extra={"breaker_open": 1})
        return self._refusal(state, now)

    def _refusal(self, state: State, now: int) -> Admission:
        return Admission(
            is_admitted=False,
            wait_seconds=max(0, state.retry_at - now),
            spread_seconds=state.pause_seconds or self._limits.pause_first_seconds,
        )

    def _change(self, step: Callable[[State], State]) -> State | None:
        """The state after `step`, or the state that was read if others stored theirs meanwhile.
        None if the store did not answer."""
        state = State()
        try:
            for _ in range(_ROUNDS):
                state = self._store.read()
                changed = step(state)
                if changed == state or self._store.write(changed):
                    return changed
        except StateUnavailable:
            logger.exception("breaker not updated")
            return None
        return state
