"""Which transactions a listing shows."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

# Before every id: `(time, id) < (moment, FIRST_ID)` is `time < moment`.
FIRST_ID = UUID(int=0)
_FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
_LAST_MOMENT = datetime.max.replace(tzinfo=UTC)


class ListedState(StrEnum):
    POSTED = "posted"
    PENDING = "pending"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"
    REFUSED = "refused"
    ALL = "all"


OF_HOLDS = (
    ListedState.PENDING,
    ListedState.CAPTURED,
    ListedState.VOIDED,
    ListedState.EXPIRED,
)


@dataclass(frozen=True, kw_only=True)
class Filter:
    state: ListedState
    since: datetime | None  # inclusive
    until: datetime | None  # exclusive

    @property
    def earliest(self) -> datetime:
        return self.since if self.since is not None else _FIRST_MOMENT

    @property
    def end(self) -> datetime:
        return self.until if self.until is not None else _LAST_MOMENT

    def shows(self, state: ListedState) -> bool:
        return self.state in (state, ListedState.ALL)
