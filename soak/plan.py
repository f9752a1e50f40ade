"""Which call gets which fault: a function of the seed, the kind of the call and its number.

Which call is the n-th of its kind depends on threads and the clock: the plan repeats exactly, the
run nearly.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Final

_STORM_CALLS = 25


class Fault(StrEnum):
    """What happens to a call; the text is for the report."""

    # Of any connection.
    REQUEST_DROPPED = "request dropped"
    ANSWER_DROPPED = "answer dropped"
    ANSWER_CUT = "answer cut"
    ANSWER_DELAYED = "answer delayed"
    ANSWER_LATE = "answer after the client gave up"
    # Of HTTP.
    DOUBLED = "request doubled"
    REQUEST_OVERTAKEN = "request overtaken"
    ANSWER_OVERTAKEN = "answer overtaken"
    ERROR_500 = "refused with 500"
    ERROR_503 = "refused with 503"
    THROTTLED = "throttled"
    DONE_AND_500 = "done, and answered 500"
    # Of an invocation of a function.
    INVOKED_TWICE = "invoked twice"
    KILLED = "killed"


@dataclass(frozen=True, kw_only=True)
class Decision:
    fault: Fault
    share: float  # over [0, 1): how much of what the fault leaves open


@dataclass(frozen=True, kw_only=True)
class FaultMix:
    """The faults of one kind of connection, with their weights, and how many calls get one.

    In a storm, which is some of the stretches of 25 calls, most calls get one.
    """

    weights: Mapping[Fault, int]
    rate: float
    storm_rate: float = 0.7
    storms: float = 0.05


AWS: Final = FaultMix(
    rate=0.1,
    weights={
        Fault.REQUEST_DROPPED: 3,
        Fault.ANSWER_DROPPED: 5,
        Fault.ANSWER_CUT: 3,
        Fault.ANSWER_DELAYED: 5,
        Fault.ANSWER_LATE: 1,
        Fault.DOUBLED: 5,
        Fault.REQUEST_OVERTAKEN: 4,
        Fault.ANSWER_OVERTAKEN: 4,
        Fault.ERROR_500: 3,
        Fault.ERROR_503: 3,
        Fault.THROTTLED: 3,
        Fault.DONE_AND_500: 4,
    },
)
# Each exchange of bytes counts, and a call or a login has several.
CONNECTION: Final = FaultMix(
    rate=0.03,
    storm_rate=0.4,
    storms=0.03,
    weights={
        Fault.REQUEST_DROPPED: 4,
        Fault.ANSWER_DROPPED: 6,
        Fault.ANSWER_CUT: 3,
        Fault.ANSWER_DELAYED: 6,
        Fault.ANSWER_LATE: 1,
    },
)
# A function makes far fewer calls than the service.
RARE_CONNECTION: Final = replace(CONNECTION, rate=0.06)
INVOCATION: Final = FaultMix(
    rate=0.05,
    storms=0.0,
    weights={Fault.ANSWER_DROPPED: 4, Fault.INVOKED_TWICE: 4, Fault.KILLED: 1},
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    seed: int

    def decide(self, kind: str, number: int, mix: FaultMix) -> Decision | None:
        """What the `number`-th call of this kind gets; numbers start at 0."""
        stretch = Random(f"{self.seed} {kind} stretch {number // _STORM_CALLS}")
        rate = mix.storm_rate if stretch.random() < mix.storms else mix.rate
        dice = Random(f"{self.seed} {kind} call {number}")
        if dice.random() >= rate:
            return None
        [fault] = dice.choices([*mix.weights], [*mix.weights.values()])
        return Decision(fault=fault, share=dice.random())


class Faults:
    """Numbers the calls of each kind, and counts what was applied. Safe for threads.

    Off at first, and then every call goes through.
    """

    def __init__(self) -> None:
        self._plan: Plan | None = None
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()
        self._applied: Counter[tuple[str, Fault]] = Counter()

    def next(self, kind: str, mix: FaultMix) -> Decision | None:
        """What the next call of this kind gets."""
        with self._lock:
            if self._plan is None:
                return None
            number = self._numbers[kind]
            self._numbers[kind] += 1
            return self._plan.decide(kind, number, mix)

    def on(self, plan: Plan) -> None:
        with self._lock:
            self._plan = plan

    def off(self) -> None:
        with self._lock:
            self._plan = None

    def applied(self, kind: str, fault: Fault) -> None:
        with self._lock:
            self._applied[kind, fault] += 1

    def counts(self) -> tuple[Counter[str], Counter[tuple[str, Fault]]]:
        """The calls of each kind while it was on, and the faults that were applied to them."""
        with self._lock:
            return Counter(self._numbers), Counter(self._applied)
