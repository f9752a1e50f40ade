"""Events about branches on the hub's event bus."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from branch_hub.moments import as_text, parse_moment
from lambda_src.shared.branch_suffix import is_branch_suffix, suffix_of_branch

SOURCE: Final = "transaction-pipeline.branches"
BRANCH_LENGTH_MAX: Final = 255


class Reason(StrEnum):
    PUSHED = "pushed"
    DELETED = "deleted"
    EXPIRED = "expired"
    ORPHANED = "orphaned"


# The rules on the bus match these.
DETAIL_TYPES: Final[Mapping[Reason, str]] = {
    Reason.PUSHED: "Branch Pushed",
    Reason.DELETED: "Branch Deleted",
    Reason.EXPIRED: "Environment Expired",
    Reason.ORPHANED: "Environment Orphaned",
}


class InvalidEvent(ValueError):
    """A field of an event breaks its rule; the message names both."""


@dataclass(frozen=True, kw_only=True)
class BranchEvent:
    """A hint that something changed. The machines check the current state before they act."""

    event_id: str
    repository: str
    branch: str | None  # None: the branch of the environment is unknown
    suffix: str
    commit: str | None
    occurred_at: datetime  # in UTC
    reason: Reason

    @classmethod
    def of_branch(
        cls,
        *,
        event_id: str,
        repository: str,
        branch: str,
        reason: Reason,
        occurred_at: datetime,
        commit: str | None = None,
    ) -> Self:
        """Raises InvalidEvent, or InvalidBranch for a name that can have no environment."""
        if len(branch) > BRANCH_LENGTH_MAX or not branch.isprintable():
            raise InvalidEvent(
                f"branch is {branch[:80]!r} ({len(branch)} characters): "
                f"it must be at most {BRANCH_LENGTH_MAX} printable characters"
            )
        return cls(
            event_id=event_id,
            repository=repository,
            branch=branch,
            suffix=suffix_of_branch(branch),
            commit=commit,
            occurred_at=occurred_at,
            reason=reason,
        )

    @classmethod
    def parse(cls, detail: Mapping[str, Any]) -> Self:
        """Raises InvalidEvent."""
        event = cls(
            event_id=_text(detail, "event_id"),
            repository=_text(detail, "repository"),
            branch=_optional_text(detail, "branch"),
            suffix=_text(detail, "suffix"),
            commit=_optional_text(detail, "commit"),
            occurred_at=_moment(detail, "occurred_at"),
            reason=_reason(detail),
        )
        if not is_branch_suffix(event.suffix):
            raise InvalidEvent(f"suffix is {event.suffix!r}: it must be that of a branch")
        if event.branch is not None and suffix_of_branch(event.branch) != event.suffix:
            raise InvalidEvent(
                f"suffix is {event.suffix!r}: branch {event.branch!r} has "
                f"{suffix_of_branch(event.branch)!r}"
            )
        if event.branch is None and event.reason is not Reason.ORPHANED:
            raise InvalidEvent(f"branch is None: only an orphan has none, this is {event.reason}")
        return event

    @property
    def detail_type(self) -> str:
        return DETAIL_TYPES[self.reason]

    def to_detail(self) -> dict[str, str | None]:
        return {
            "event_id": self.event_id,
            "repository": self.repository,
            "branch": self.branch,
            "suffix": self.suffix,
            "commit": self.commit,
            "occurred_at": as_text(self.occurred_at),
            "reason": self.reason.value,
        }


def _text(detail: Mapping[str, Any], name: str) -> str:
    value = detail.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidEvent(f"{name} is {str(value)[:80]!r}: a text is needed")
    return value


def _optional_text(detail: Mapping[str, Any], name: str) -> str | None:
    return None if detail.get(name) is None else _text(detail, name)


def _moment(detail: Mapping[str, Any], name: str) -> datetime:
    try:
        return parse_moment(_text(detail, name))
    except ValueError as error:
        raise InvalidEvent(f"{name}: {error}") from None


def _reason(detail: Mapping[str, Any]) -> Reason:
    text = _text(detail, "reason")
    if text not in set(Reason):
        raise InvalidEvent(f"reason is {text[:80]!r}: it must be one of {', '.join(Reason)}")
    return Reason(text)
