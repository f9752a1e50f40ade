"""The registry's record of one environment, and its parser for DynamoDB items."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from branch_hub.moments import parse_moment

# The attribute of a record whose environment sleeps: {"since": ..., "until": ...}.
SLEEPING: Final = "sleeping"


class State(StrEnum):
    CREATING = "creating"
    LIVE = "live"
    FAILED = "failed"  # its pipeline could not be deployed; a push tries again
    REFUSED = "refused"  # no room in the quota
    DESTROYING = "destroying"
    DESTROY_FAILED = "destroy_failed"
    EXPIRED = "expired"  # deleted although its branch exists; a push creates it again


class Purpose(StrEnum):
    CREATE = "create"
    DESTROY = "destroy"
    SLEEP = "sleep"
    WAKE = "wake"

    @property
    def doing(self) -> str:
        """What the holder of a lock with this purpose does: `is being ...`."""
        return _DOING[self]


_DOING: Final[Mapping[Purpose, str]] = {
    Purpose.CREATE: "created",
    Purpose.DESTROY: "deleted",
    Purpose.SLEEP: "put to sleep",
    Purpose.WAKE: "woken",
}


@dataclass(frozen=True, kw_only=True)
class Lock:
    holder: str  # the ARN of an execution
    purpose: Purpose
    taken_at: datetime


@dataclass(frozen=True, kw_only=True)
class Sleep:
    """`since`: when the first part was stopped. A run that failed may have left other parts on."""

    since: datetime
    until: str | None  # for people: when the schedule wakes it; None: no schedule does


@dataclass(frozen=True, kw_only=True)
class EnvironmentRecord:
    suffix: str
    branch: str | None
    state: State
    created_at: datetime
    expires_at: datetime | None  # None: never
    warned_at: datetime | None
    cause: str | None  # of the last failure
    lock: Lock | None
    sleeping: Sleep | None = None  # None: awake

    @classmethod
    def parse(cls, item: Mapping[str, Any]) -> Self:
        """Read an item of the table."""
        holder = item.get("lock_holder")
        return cls(
            suffix=item["suffix"],
            branch=item.get("branch"),
            state=State(item["state"]),
            created_at=parse_moment(item["created_at"]),
            expires_at=_moment(item, "expires_at"),
            warned_at=_moment(item, "warned_at"),
            cause=item.get("cause"),
            lock=None
            if holder is None
            else Lock(
                holder=holder,
                purpose=Purpose(item["lock_purpose"]),
                taken_at=parse_moment(item["lock_taken_at"]),
            ),
            sleeping=None
            if SLEEPING not in item
            else Sleep(
                since=parse_moment(item[SLEEPING]["since"]), until=item[SLEEPING].get("until")
            ),
        )


def _moment(item: Mapping[str, Any], name: str) -> datetime | None:
    return parse_moment(item[name]) if name in item else None
