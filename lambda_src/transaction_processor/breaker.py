"""Whether the ledger is worth asking: one answer for all invocations, kept where all can see it.

Closed, every batch asks. After `failures_max` failures in a row it opens: nobody asks, until a
pause is over and one invocation tries with its batch. That closes it, or lengthens the next pause.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

logger = logging.getLogger(__name__)

PROBE_SECONDS = 25  # whoever tries has answered by then, or died: another may try
_ROUNDS = 5  # against changes by others between our look and our change


class StateOutOfReach(Exception):
    """The shared state could not be read or written."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    failures_max: int
    pause_first_seconds: int
    pause_max_seconds: int


@dataclass(frozen=True, kw_only=True)
class State:
    """What all invocations share. `revision` is of the stored copy, 0 if there is none."""

    revision: int = 0
    failures: int = 0  # in a row
    pause_seconds: int = 0  # 0 while it is closed
    retry_at: int = 0  # seconds since the epoch

    @property
    def is_open(self) -> bool:
        return self.pause_seconds > 0

    def tried(self, now: int) -> "State":
        """One invocation tries; the others stay away while it does."""
        return replace(self, retry_at=now + PROBE_SECONDS)

    def failed(self, now: int, limits: Limits, *, is_probe: bool) -> "State":
        if self.is_open and not is_probe:  # began before it was opened
            return self
        failures = self.failures + 1
        if not self.is_open and failures < limits.failures_max:
            return replace(self, failures=failures)
        pause = 2 * self.pause_seconds if self.is_open else limits.pause_first_seconds
        pause = min(pause, limits.pause_max_seconds)
        return replace(self, failures=failures, pause_seconds=pause, retry_at=now + pause)

    def succeeded(self, *, is_probe: bool) -> "State":
        if self.is_open and not is_probe:  # an old success says nothing about now
            return self
        return State(revision=self.revision)


class Store(Protocol):
    def read(self) -> State:
        """Raises StateOutOfReach."""

    def write(self, state: State) -> bool:
        """True if stored; False if someone stored another since `state.revision` was read.

        Raises StateOutOfReach.
        """


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Whether to ask the ledger. Where not: how long to wait, and over how long to spread out."""

    is_admitted: bool
    is_probe: bool = False
    is_spotless: bool = False  # closed, and no failure to take back
    wait_seconds: int = 0
    spread_seconds: int = 0


class CircuitBreaker:
    """Shared by all invocations through `store`. Without its store it is closed: the ledger is
    asked, as if there were no breaker. Report every admitted batch with `succeeded` or `failed`.
    """

    def __init__(self, *, store: Store, limits: Limits, now: Callable[[], float]) -> None:
        self._store = store
        self._limits = limits
        self._now = now

    def admit(self) -> Admission:
        try:
            state = self._store.read()
            if not state.is_open:
                return Admission(is_admitted=True, is_spotless=state.failures == 0)
            now = int(self._now())
            if now >= state.retry_at and self._store.write(state.tried(now)):
                return Admission(is_admitted=True, is_probe=True)
        except StateOutOfReach:
            logger.exception("breaker ignored")
            return Admission(is_admitted=True)
        logger.warning("breaker is open", extra={"breaker_open": 1})
        return self._refusal(state, now)

    def succeeded(self, admission: Admission) -> None:
        if admission.is_spotless:  # the usual case costs one read and no write
            return
        self._change(lambda state: state.succeeded(is_probe=admission.is_probe))
        if admission.is_probe:
            logger.info("breaker closed", extra={"breaker_open": 0})

    def failed(self, admission: Admission) -> Admission:
        """Count a failure of the ledger itself; returns how long to wait, as for a refusal."""
        now = int(self._now())
        state = self._change(
            lambda state: state.failed(now, self._limits, is_probe=admission.is_probe)
        )
        if state.is_open:
            logger.warning("breaker is open", extra={"breaker_open": 1})
        return self._refusal(state, now)

    def _refusal(self, state: State, now: int) -> Admission:
        return Admission(
            is_admitted=False,
            wait_seconds=max(0, state.retry_at - now),
            spread_seconds=state.pause_seconds or self._limits.pause_first_seconds,
        )

    def _change(self, step: Callable[[State], State]) -> State:
        """The state after `step`; as it was found where that could not be stored."""
        state = State()
        try:
            for _ in range(_ROUNDS):
                state = self._store.read()
                changed = step(state)
                if changed == state or self._store.write(changed):
                    return changed
        except StateOutOfReach:
            logger.exception("breaker not told")
        return state
