"""S42: which outcomes count for the breaker, and what a refused batch gets."""

from collections.abc import Callable, Sequence

import pytest

from app_service.ledger.submission import Submission
from lambda_src.shared.breaker import Admission
from lambda_src.transaction_processor.guarded_ledger import GuardedLedger
from lambda_src.transaction_processor.posting import COMES_AGAIN, LedgerUnavailable
from tests.lambda_src.submissions import submitted, transaction

TRY_AGAIN = Admission(is_admitted=False, wait_seconds=7, spread_seconds=20)


class FakeBreaker:
    def __init__(self, *, admits: bool = True) -> None:
        self.reported: list[str] = []
        self._admission = Admission(is_admitted=True, is_probe=True) if admits else TRY_AGAIN

    def admit(self) -> Admission:
        return self._admission

    def succeeded(self, admission: Admission) -> None:
        assert admission is self._admission
        self.reported.append("succeeded")

    def failed(self, admission: Admission) -> Admission:
        assert admission is self._admission
        self.reported.append("failed")
        return TRY_AGAIN


class FakeLedger:
    def __init__(self, answer: Callable[[], list[str]]) -> None:
        self.calls = 0
        self._answer = answer

    def post(self, submissions: Sequence[Submission]) -> list[str]:
        self.calls += 1
        return self._answer()


def raising(error: Exception) -> Callable[[], list[str]]:
    def answer() -> list[str]:
        raise error

    return answer


def post(ledger: FakeLedger, breaker: FakeBreaker) -> list[str]:
    return GuardedLedger(ledger=ledger, breaker=breaker).post(submitted(transaction(1)))


@pytest.mark.parametrize(
    "verdict", ["posted", "conflict", "insufficient_funds", "invalid", *sorted(COMES_AGAIN)]
)
def test_s42_a_verdict_of_any_kind_is_a_success(verdict: str) -> None:
    breaker = FakeBreaker()
    assert post(FakeLedger(lambda: [verdict]), breaker) == [verdict]
    assert breaker.reported == ["succeeded"]


def test_s42_an_unavailable_ledger_counts_and_gives_the_time_of_the_next_attempt() -> None:
    breaker = FakeBreaker()
    with pytest.raises(LedgerUnavailable, match="no host") as raised:
        post(FakeLedger(raising(LedgerUnavailable("no host"))), breaker)
    assert breaker.reported == ["failed"]
    assert (raised.value.wait_seconds, raised.value.spread_seconds) == (7, 20)


def test_s42_while_it_is_open_the_ledger_is_not_called() -> None:
    breaker, ledger = FakeBreaker(admits=False), FakeLedger(lambda: ["posted"])
    with pytest.raises(LedgerUnavailable, match="breaker is open") as raised:
        post(ledger, breaker)
    assert (ledger.calls, breaker.reported) == (0, [])
    assert (raised.value.wait_seconds, raised.value.spread_seconds) == (7, 20)
