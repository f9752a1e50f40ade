"""The ledger behind its circuit breaker."""

from collections.abc import Sequence
from typing import Protocol

from app_service.ledger.submission import Submission
from lambda_src.shared.breaker import Admission
from lambda_src.transaction_processor.posting import LedgerUnavailable


class Ledger(Protocol):
    def post(self, submissions: Sequence[Submission]) -> list[str]: ...


class Breaker(Protocol):
    def admit(self) -> Admission: ...
    def succeeded(self, admission: Admission) -> None: ...
    def failed(self, admission: Admission) -> Admission: ...


class GuardedLedger:
    """Calls `ledger` only if `breaker` admits it, and reports the outcome to `breaker`."""

    def __init__(self, *, ledger: Ledger, breaker: Breaker) -> None:
        self._ledger = ledger
        self._breaker = breaker

    def post(self, submissions: Sequence[Submission]) -> list[str]:
        """Raises LedgerUnavailable, which says when to try again."""
        admission = self._breaker.admit()
        if not admission.is_admitted:
            raise _try_again("the breaker is open", admission)
        try:
            verdicts = self._ledger.post(submissions)
        except LedgerUnavailable as error:
            raise _try_again(str(error), self._breaker.failed(admission)) from error
        self._breaker.succeeded(admission)
        return verdicts


def _try_again(reason: str, refusal: Admission) -> LedgerUnavailable:
    return LedgerUnavailable(
        reason, wait_seconds=refusal.wait_seconds, spread_seconds=refusal.spread_seconds
    )
