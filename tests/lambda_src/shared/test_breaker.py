"""S42: the circuit breaker, over one state that several invocations share."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_src.shared.breaker import (
    Admission,
    CircuitBreaker,
    Limits,
    State,
    StateUnavailable,
)

LIMITS = Limits(failures_max=3, pause_first_seconds=5, pause_max_seconds=15)


class Shared:
    """The stored state and the clock of all invocations; `others` write before the next writes."""

    def __init__(self) -> None:
        self.state = State()
        self.now = 1_000.0
        self.reads = self.writes = 0
        self.is_down = False
        self.others: list[State] = []

    def read(self) -> State:
        self._answer()
        self.reads += 1
        return self.state

    def write(self, state: State) -> bool:
        self._answer()
        self.writes += 1
        if self.others:
            self.state = replace(self.others.pop(0), revision=self.state.revision + 1)
        if state.revision != self.state.revision:
            return False
        self.state = replace(state, revision=state.revision + 1)
        return True

    def _answer(self) -> None:
        if self.is_down:
            raise StateUnavailable("down")


@pytest.fixture
def shared() -> Shared:
    return Shared()


def breaker(shared: Shared) -> CircuitBreaker:
    """A new invocation: it has no state of its own."""
    return CircuitBreaker(store=shared, limits=LIMITS, now=lambda: shared.now)


def fail(shared: Shared) -> Admission:
    one = breaker(shared)
    return one.failed(one.admit())


def open_it(shared: Shared) -> None:
    for _ in range(LIMITS.failures_max):
        fail(shared)


def test_s42_failures_of_several_invocations_open_it_for_all(shared: Shared) -> None:
    for _ in range(LIMITS.failures_max - 1):
        fail(shared)
        assert breaker(shared).admit().is_admitted
    fail(shared)
    refusal = breaker(shared).admit()
    assert not refusal.is_admitted
    assert refusal.wait_seconds == LIMITS.pause_first_seconds


def test_s42_a_success_between_failures_keeps_it_closed(shared: Shared) -> None:
    for _ in range(3):
        fail(shared)
        fail(shared)
        one = breaker(shared)
        one.succeeded(one.admit())
    assert breaker(shared).admit() == Admission(is_admitted=True, has_no_failures=True)


def test_s42_a_successful_batch_costs_one_read_and_no_write(shared: Shared) -> None:
    one = breaker(shared)
    one.succeeded(one.admit())
    assert (shared.reads, shared.writes) == (1, 0)


def test_s42_after_the_pause_one_invocation_probes_and_the_others_wait(shared: Shared) -> None:
    open_it(shared)
    shared.now += LIMITS.pause_first_seconds
    admissions = [breaker(shared).admit() for _ in range(5)]
    assert [a.is_admitted for a in admissions] == [True, False, False, False, False]
    assert admissions[0].is_probe


def test_s42_of_two_simultaneous_readers_only_one_probes(shared: Shared) -> None:
    open_it(shared)
    shared.now += LIMITS.pause_first_seconds
    shared.others = [shared.state.probed(int(shared.now))]
    assert not breaker(shared).admit().is_admitted


def test_s42_a_successful_probe_closes_it_for_all(
    shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    open_it(shared)
    shared.now += LIMITS.pause_first_seconds
    caplog.set_level("INFO")
    one = breaker(shared)
    one.succeeded(one.admit())
    assert breaker(shared).admit() == Admission(is_admitted=True, has_no_failures=True)
    assert vars(caplog.records[-1])["breaker_open"] == 0


def test_s42_pauses_double_up_to_their_limit(shared: Shared) -> None:
    open_it(shared)
    pauses = []
    for _ in range(4):
        pauses.append(shared.state.retry_at - int(shared.now))
        shared.now = shared.state.retry_at
        fail(shared)
    assert pauses == [5, 10, 15, 15]


def test_s42_a_probe_that_never_reports_blocks_only_briefly(shared: Shared) -> None:
    open_it(shared)
    shared.now += LIMITS.pause_first_seconds
    assert breaker(shared).admit().is_probe
    refusal = breaker(shared).admit()
    shared.now += refusal.wait_seconds
    assert breaker(shared).admit().is_probe
    # The alarm needs a report in every minute: the longest wait and its spread are shorter.
    assert refusal.wait_seconds + LIMITS.pause_max_seconds < 60


def test_s42_calls_from_before_it_opened_do_not_change_it(shared: Shared) -> None:
    early = [breaker(shared) for _ in range(2)]
    admissions = [one.admit() for one in early]
    fail(shared)
    late = breaker(shared)
    late_admission = late.admit()
    open_it(shared)
    opened = shared.state
    early[0].failed(admissions[0])
    late.succeeded(late_admission)
    assert shared.state == opened


def test_s42_every_refusal_logs_that_it_is_open(
    shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    open_it(shared)
    breaker(shared).admit()
    shared.now += LIMITS.pause_first_seconds
    fail(shared)
    assert [vars(r).get("breaker_open") for r in caplog.records] == [1, 1, 1]


def test_s42_simultaneous_failures_are_all_counted(shared: Shared) -> None:
    one = breaker(shared)
    admission = one.admit()
    shared.others = [State(failures=1), State(failures=2)]
    one.failed(admission)
    assert shared.state.is_open


def test_s42_a_state_that_keeps_changing_is_given_up(shared: Shared) -> None:
    one = breaker(shared)
    admission = one.admit()
    shared.others = [State(failures=1)] * 9
    assert one.failed(admission).spread_seconds == LIMITS.pause_first_seconds
    assert shared.writes <= 5


def test_s42_without_its_store_every_batch_is_admitted(
    shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    open_it(shared)
    shared.is_down = True
    one = breaker(shared)
    admission = one.admit()
    assert admission.is_admitted
    assert one.failed(admission).spread_seconds == LIMITS.pause_first_seconds
    one.succeeded(admission)
    assert caplog.records[-1].message == "breaker not updated"


def test_s42_without_its_store_an_outage_is_reported_as_well(
    shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    """Renewed messages stay young: without this nothing would raise an alarm."""
    shared.is_down = True
    one = breaker(shared)
    one.failed(one.admit())
    assert vars(caplog.records[-1])["breaker_open"] == 1


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["ok", "fail", "die"]), st.integers(0, 40)), max_size=60
    )
)
def test_s42_after_any_history_a_batch_is_admitted_soon(steps: list[tuple[str, int]]) -> None:
    """No history keeps it open: after a pause of the length of a failover a batch is admitted."""
    shared = Shared()
    for what, seconds in steps:
        shared.now += seconds
        one = breaker(shared)
        admission = one.admit()
        if admission.is_admitted and what == "ok":
            one.succeeded(admission)
        elif admission.is_admitted and what == "fail":
            one.failed(admission)
    shared.now += 25
    assert breaker(shared).admit().is_admitted


@given(seconds=st.lists(st.integers(0, 30), min_size=20, max_size=80))
def test_s42_a_database_that_is_down_gets_few_calls(seconds: list[int]) -> None:
    """With any number of batches: `failures_max` calls at first, then one after each pause."""
    shared = Shared()
    asked = []
    for pause in seconds:
        shared.now += pause
        one = breaker(shared)
        admission = one.admit()
        if admission.is_admitted:
            asked.append(shared.now)
            one.failed(admission)
    since_open = asked[LIMITS.failures_max - 1 :]
    gaps = [later - earlier for earlier, later in pairwise(since_open)]
    assert all(gap >= least for gap, least in zip(gaps, [5, 10, *[15] * len(gaps)], strict=False))
