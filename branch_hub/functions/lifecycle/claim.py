"""Whether an environment is unmade: the first step of the destroy machine."""

from datetime import datetime
from typing import Any

from branch_hub.functions.lifecycle.lifecycle_context import LifecycleContext
from branch_hub.functions.shared.events import BranchEvent, Reason
from branch_hub.functions.shared.records import EnvironmentRecord, Purpose
from branch_hub.functions.shared.stacks import Environment
from branch_hub.git_hosts.git_host import live_branches
from lambda_src.shared.branch_suffix import has_suffix


def claim(event: BranchEvent, *, execution: str, context: LifecycleContext) -> dict[str, Any]:
    """Decide by what is true now, whatever the event says.

    `unmake`: the caller holds the lock. `busy`: ask again soon. Else nothing is to be done:
    `protected`, `alive`, `not_expired`, or `nothing` is there. Safe to repeat.
    Raises HostUnavailable: a branch is only gone when the host says so.
    """
    record = context.registry.get(event.suffix)
    environment = context.stacks.environment(event.suffix)
    owner = context.owner(environment, record)
    branch = event.branch or owner
    if owner is not None and owner != branch:
        outcome, message = "nothing", f"environment {event.suffix} is that of branch {owner}"
    else:
        outcome, message = _decide(
            event, branch, record, environment, execution=execution, context=context
        )
    return {"outcome": outcome, "branch": branch, "suffix": event.suffix, "message": message}


def _decide(
    event: BranchEvent,
    branch: str | None,
    record: EnvironmentRecord | None,
    environment: Environment,
    *,
    execution: str,
    context: LifecycleContext,
) -> tuple[str, str]:
    suffix = event.suffix
    if _is_protected(branch, environment, context):
        return "protected", f"environment {suffix} of {branch or 'the trunk'} is protected"
    other = context.lock_of_another(record, execution)
    if other is not None:
        return "busy", f"environment {suffix} is just being {_DOING[other.purpose]}"
    stays = _why_it_stays(event, branch, record, environment, context)
    if stays is not None:
        return stays
    if record is None and not environment.stacks:
        context.quota.give_back(suffix)
        return "nothing", f"environment {suffix} is not there"
    if not context.registry.lock(
        suffix,
        purpose=Purpose.DESTROY,
        holder=execution,
        branch=branch,
        now=context.now(),
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


def _is_protected(branch: str | None, environment: Environment, context: LifecycleContext) -> bool:
    if context.policy.protects_suffix(environment.suffix):
        return True
    # The registry can be lost, the stacks have their tags.
    return any(context.policy.protects(b) for b in (branch, environment.branch) if b is not None)


def _why_it_stays(
    event: BranchEvent,
    branch: str | None,
    record: EnvironmentRecord | None,
    environment: Environment,
    context: LifecycleContext,
) -> tuple[str, str] | None:
    suffix = event.suffix
    if any(stack.is_termination_protected for stack in environment.stacks):
        return "protected", f"environment {suffix} has termination protection"
    if environment.is_half_deleted:
        return None  # of no use to anyone, and nothing can be made in its place
    if event.reason is Reason.EXPIRED:
        if _has_expired(record, environment, context):
            return None
        return "not_expired", f"environment {suffix} was extended meanwhile"
    # Stacks of which nobody knows whose they are may be those of a branch that shares the suffix.
    is_known = context.owner(environment, record) is not None or not environment.stacks
    if _is_alive(branch if is_known else None, suffix, context):
        return "alive", f"branch {branch or suffix} is there: its environment stays"
    return None


def _is_alive(branch: str | None, suffix: str, context: LifecycleContext) -> bool:
    if branch is not None:
        return context.host.exists(branch)
    return any(has_suffix(live, suffix) for live in live_branches(context.host))


def _has_expired(
    record: EnvironmentRecord | None, environment: Environment, context: LifecycleContext
) -> bool:
    now: datetime = context.now()
    if record is not None and record.expires_at is not None:
        return record.expires_at <= now
    changed_at = environment.changed_at
    return changed_at is not None and changed_at + context.lifetime <= now
