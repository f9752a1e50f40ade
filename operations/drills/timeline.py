"""What happened in a drill, and when: acknowledgements, retries, the fault, the audit trail."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec


class RecordBroken(Exception):
    """The file of a drill's record cannot be read; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """In seconds since the load began. No end: it had not ended when the load was stopped."""

    what: str
    began: float
    ended: float | None = None
    until: str = ""  # what ended it, such as "another task serves"


@dataclass(frozen=True, kw_only=True)
class Event:
    """A moment of the recovery, in seconds since the load began."""

    what: str
    at: float


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """One drill. Times are seconds since the load began, in milliseconds' precision.

    `asked` and `acknowledged` belong together: the first request of a transaction, and its
    acknowledgement. `archived` is when a transaction was in the audit bucket; the bucket knows
    whole seconds on AWS.
    """

    drill: str
    environment: str
    commit: str
    moment: str  # when the load began, in UTC
    seconds: float  # of load
    asked: list[float]
    acknowledged: list[float]
    queued: list[float]  # messages that the queue took
    retried: list[float]
    archived: list[float]
    faults: list[Fault]
    events: list[Event]
    problems: list[str]  # none: the drill has succeeded

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.encode(self) + b"\n")

    @classmethod
    def read(cls, file: Path) -> "Timeline":
        """Raises RecordBroken."""
        try:
            found = msgspec.json.decode(file.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError) as error:
            raise RecordBroken(
                f"{file} is no whole record of a drill ({error}): run the drill again"
            ) from error
        if len(found.asked) != len(found.acknowledged):
            raise RecordBroken(
                f"{file}: `asked` has {len(found.asked)} times and `acknowledged` "
                f"{len(found.acknowledged)}; they belong together: run the drill again"
            )
        return found


@dataclass(kw_only=True)
class FaultLog:
    """Notes the fault while it happens, so that a drill that fails has noted it, too.

    Times are those of `time.monotonic()`.
    """

    faults: list[Fault] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def begins(self, what: str) -> float:
        """Returns the time."""
        now = time.monotonic()
        self.faults.append(Fault(what=what, began=now))
        return now

    def ends(self, until: str, *, at: float | None = None) -> None:
        """Of the fault that began last."""
        last = self.faults.pop()
        ended = time.monotonic() if at is None else at
        self.faults.append(Fault(what=last.what, began=last.began, ended=ended, until=until))

    def notes(self, what: str, *, at: float | None = None) -> None:
        self.events.append(Event(what=what, at=time.monotonic() if at is None else at))

    def since(self, start: float) -> tuple[list[Fault], list[Event]]:
        """With times in seconds since `start`."""

        def after(moment: float) -> float:
            return round(moment - start, 3)

        faults = [
            Fault(
                what=each.what,
                began=after(each.began),
                ended=None if each.ended is None else after(each.ended),
                until=each.until,
            )
            for each in self.faults
        ]
        return faults, [Event(what=each.what, at=after(each.at)) for each in self.events]
