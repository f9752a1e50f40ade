"""Whether an environment is unmade: the first step of the destroy machine."""

from datetime import datetime
from typing import Any

from lambda_src.branch_lifecycle.keeper import Keeper
from lambda_src.branch_suffix import has_suffix
from lambda_src.branches.events import BranchEvent, Reason
from lambda_src.branches.host import live_branches
from lambda_src.branches.records import EnvironmentRecord, Purpose
from lambda_src.branches.stacks import Environment


def claim(event: BranchEvent, *, execution: str, keeper: Keeper) -> dict[str, Any]:
    """Decide by what is true now, whatever the event says.

    `unmake`: the caller holds the lock. `busy`: ask again soon. Else nothing is to be done:
    `protected`, `alive`, `not_expired`, or `nothing` is there. Safe to repeat.
    Raises HostUnavailable: a branch is only gone when the host says so.
    """
    record = keeper.registry.get(event.suffix)
    environment = keeper.stacks.environment(event.suffix)
    owner = keeper.owner(environment, record)
    branch = event.branch or owner
    if owner is not None and owner != branch:
        outcome, message = "nothing", f"environment {event.suffix} is that of branch {owner}"
    else:
        outcome, message = _decide(
            event, branch, record, environment, execution=execution, keeper=keeper
        )
    return {"outcome": outcome, "branch": branch, "suffix": event.suffix, "message": message}


def _decide(
    event: BranchEvent,
    branch: str | None,
    record: EnvironmentRecord | None,
    environment: Environment,
    *,
    execution: str,
    keeper: Keeper,
) -> tuple[str, str]:
    suffix = event.suffix
    if _is_protected(branch, environment, keeper):
        return "protected", f"environment {suffix} of {branch or 'the trunk'} is protected"
    other = keeper.lock_of_another(record, execution)
    if other is not None:
        return "busy", f"environment {suffix} is just being {_DOING[other.purpose]}"
    stays = _why_it_stays(event, branch, record, environment, keeper)
    if stays is not None:
        return stays
    if record is None and not environment.stacks:
        keeper.quota.give_back(suffix)
        return "nothing", f"environment {suffix} is not there"
    if not keeper.registry.lock(
        suffix,
        purpose=Purpose.DESTROY,
        holder=execution,
        branch=branch,
        now=keeper.now(),
        only_if_expired=event.reason is Reason.EXPIRED and not environment.is_half_deleted,
    ):
        # Taken or extended since it was looked at: the next look tells which.
        return "busy", f"environment {suffix} was changed at this moment"
    return "unmake", f"environment {suffix} is unmade: {_WHY[event.reason]}"


_DOING = {Purpose.CREATE: "made", Purpose.DESTROY: "unmade"}
_WHY = {
    Reason.DELETED: "its branch was deleted",
    Reason.EXPIRED: "it has expired",
    Reason.ORPHANED: "its branch is gone, or it is half deleted",
}


def _is_protected(branch: str | None, environment: Environment, keeper: Keeper) -> bool:
    if keeper.policy.protects_suffix(environment.suffix):
        return True
    # The registry can be lost, the stacks have their tags.
    return any(keeper.policy.protects(b) for b in (branch, environment.branch) if b is not None)


def _why_it_stays(
    event: BranchEvent,
    branch: str | None,
    record: EnvironmentRecord | None,
    environment: Environment,
    keeper: Keeper,
) -> tuple[str, str] | None:
    suffix = event.suffix
    if any(stack.is_termination_protected for stack in environment.stacks):
        return "protected", f"environment {suffix} has termination protection"
    if environment.is_half_deleted:
        return None  # of no use to anyone, and nothing can be made in its place
    if event.reason is Reason.EXPIRED:
        if _has_expired(record, environment, keeper):
            return None
        return "not_expired", f"environment {suffix} was extended meanwhile"
    # Stacks of which nobody knows whose they are may be those of a branch that shares the suffix.
    is_known = keeper.owner(environment, record) is not None or not environment.stacks
    if _is_alive(branch if is_known else None, suffix, keeper):
        return "alive", f"branch {branch or suffix} is there: its environment stays"
    return None


def _is_alive(branch: str | None, suffix: str, keeper: Keeper) -> bool:
    if branch is not None:
        return keeper.host.exists(branch)
    return any(has_suffix(live, suffix) for live in live_branches(keeper.host))


def _has_expired(
    record: EnvironmentRecord | None, environment: Environment, keeper: Keeper
) -> bool:
    now: datetime = keeper.now()
    if record is not None and record.expires_at is not None:
        return record.expires_at <= now
    changed_at = environment.changed_at
    return changed_at is not None and changed_at + keeper.lifetime <= now
