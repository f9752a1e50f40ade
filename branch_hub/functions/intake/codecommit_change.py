"""The branch event in CodeCommit's event on the account's default bus."""

from collections.abc import Mapping
from typing import Any, Final

from branch_hub.functions.shared.events import BranchEvent, InvalidEvent, Reason
from branch_hub.functions.shared.moments import parse_moment

_REASONS: Final[Mapping[str, Reason]] = {
    "referenceCreated": Reason.PUSHED,
    "referenceUpdated": Reason.PUSHED,
    "referenceDeleted": Reason.DELETED,
}


def change_event(event: Mapping[str, Any], *, repository: str) -> BranchEvent | None:
    """None: no branch of `repository` changed.

    Raises InvalidEvent, or InvalidBranch for a branch that can have no environment.
    """
    try:
        detail = event["detail"]
        if detail["repositoryName"] != repository or detail["referenceType"] != "branch":
            return None
        reason = _REASONS[detail["event"]]
        return BranchEvent.of_branch(
            event_id=event["id"],
            repository=repository,
            branch=detail["referenceName"],
            reason=reason,
            occurred_at=parse_moment(event["time"]),
            commit=None if reason is Reason.DELETED else detail["commitId"],
        )
    except (KeyError, TypeError) as error:
        raise InvalidEvent(f"CodeCommit's event is of another shape: {error!r}") from error
