"""The archive behind its circuit breaker, for the batches of one call of the function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from lambda_src.audit_writer.archive import ArchiveUnavailable, ObjectDiffers
from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.shared.breaker import Admission
from lambda_src.shared.redelivery import CALL_SECONDS

# The longest time for one step: two attempts of the client of S3, and a pause between them.
STORE_SECONDS = 13
# Over this time the rest of a call is spread in which S3 answered to some.
_SPREAD_SECONDS = 5

_T = TypeVar("_T")


class Archive(Protocol):
    def store(self, key: str, content: bytes, metadata: Mapping[str, str]) -> bool: ...
    def compare(self, key: str, content: bytes, metadata: Mapping[str, str]) -> None: ...


class Breaker(Protocol):
    def admit(self) -> Admission: ...
    def succeeded(self, admission: Admission) -> None: ...
    def failed(self, admission: Admission) -> Admission: ...


@dataclass(frozen=True, kw_only=True)
class Pause:
    """When to try again what is not stored: after `wait_seconds`, spread over `spread_seconds`."""

    wait_seconds: int = 0
    spread_seconds: int = _SPREAD_SECONDS


class GuardedArchive:
    """Use it for one call of the function, and end with `finish`.

    The first failure of S3 ends all calls to it, because the function has little time. It counts
    for the breaker only if S3 has answered to no other batch of this call: so a batch that S3 never
    takes does not open the breaker for others.
    """

    def __init__(
        self, *, archive: Archive, breaker: Breaker, seconds_left: Callable[[], float]
    ) -> None:
        self._archive = archive
        self._breaker = breaker
        self._seconds_left = seconds_left
        self._admission: Admission | None = None
        self._has_answered = False
        self._why_not: str | None = None

    def store(self, batch: PostedBatch) -> bool:
        """True if this call stored the batch; False if an earlier call did.

        Raises what S3Archive raises, and ArchiveUnavailable without a call if the breaker is open,
        an earlier batch has failed, or too little time is left."""
        key, content, metadata = batch.key, batch.content, batch.metadata
        is_new = self._call(lambda: self._archive.store(key, content, metadata))
        if not is_new:
            try:
                self._call(lambda: self._archive.compare(key, content, metadata))
            except ObjectDiffers:
                # An answer that breaks off in its head looks like one with fewer fields: ask again
                # before an alarm.
                self._call(lambda: self._archive.compare(key, content, metadata))
        return is_new

    def finish(self) -> Pause:
        """Report to the breaker."""
        admission = self._admission
        if admission is None:
            return Pause()
        if admission.is_admitted:
            if self._has_answered:
                self._breaker.succeeded(admission)
                return Pause()
            admission = self._breaker.failed(admission)
        return Pause(wait_seconds=admission.wait_seconds, spread_seconds=admission.spread_seconds)

    def _call(self, step: Callable[[], _T]) -> _T:
        self._check()
        try:
            answer = step()
        except ArchiveUnavailable as error:
            self._why_not = str(error)
            raise
        except Exception:  # S3 has answered about this object
            self._has_answered = True
            raise
        self._has_answered = True
        return answer

    def _check(self) -> None:
        if self._why_not is None and self._seconds_left() < STORE_SECONDS + CALL_SECONDS:
            self._why_not = "too little time is left"
        if self._why_not is None and self._admission is None:
            self._admission = self._breaker.admit()
            if not self._admission.is_admitted:
                self._why_not = "the breaker is open"
        if self._why_not is not None:
            raise ArchiveUnavailable(self._why_not)
