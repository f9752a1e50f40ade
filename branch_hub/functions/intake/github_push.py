"""The branch event in GitHub's push event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from branch_hub.functions.shared.events import BranchEvent, Reason

_BRANCHES: Final = "refs/heads/"


class Malformed(ValueError):
    """The payload is none of a push; names the field."""


class OtherRepository(Exception):
    """The push was to a repository that this hub does not serve."""


def push_event(
    payload: Mapping[str, Any], *, repository: str, event_id: str, now: datetime
) -> BranchEvent | None:
    """None: the push was of a tag. Deleting a branch is a push as well.

    Raises Malformed and OtherRepository; InvalidEvent or InvalidBranch for a branch that can have
    no environment.
    """
    ref, after, is_deletion = (payload.get(name) for name in ("ref", "after", "deleted"))
    sender = payload.get("repository")
    full_name = sender.get("full_name") if isinstance(sender, dict) else None
    if not isinstance(ref, str) or not isinstance(after, str):
        raise Malformed("ref and after: texts are needed, as in GitHub's push event")
    if not isinstance(is_deletion, bool) or not isinstance(full_name, str):
        raise Malformed("deleted and repository.full_name are needed, as in GitHub's push event")
    # GitHub compares them without regard to case, and so does whoever types one.
    if full_name.lower() != repository.lower():
        raise OtherRepository
    if not ref.startswith(_BRANCHES):
        return None
    return BranchEvent.of_branch(
        event_id=event_id,
        repository=repository,
        branch=ref.removeprefix(_BRANCHES),
        reason=Reason.DELETED if is_deletion else Reason.PUSHED,
        occurred_at=now,
        commit=None if is_deletion else after,
    )
