"""Decides whether an environment is deleted: first step of the destroy machine."""

from datetime import datetime
from typing import Any

from branch_hub.events import BranchEvent, Reason
from branch_hub.functions.shared.lifecycle_context import LifecycleContext
from branch_hub.functions.shared.records import EnvironmentRecord, Purpose
from branch_hub.functions.shared.stacks import Environment
from branch_hub.git_hosts.git_host import live_branches
from lambda_src.shared.branch_suffix import has_suffix


def claim(event: BranchEvent, *, execution: str, context: LifecycleContext) -> dict[str, Any]:
    """Decide by the current state: the event is only a hint.

    `delete`: the caller holds the lock. `busy`: call again soon. Otherwise nothing is deleted:
    `protected`, `alive`, `not_expired`, or `nothing` exists. Safe to repeat.
    Raises HostUnavailable: only the host decides that a branch is gone.
    """
    record = context.registry.get(event.suffix)
    environment = context.stacks.environment(event.suffix)
    owner = context.owner(environment, record)
    # The owner decides: the event may be of another branch that has the same suffix. Stacks
    # without a known owner may belong to any branch of this suffix.
    branch = owner or (None if environment.stacks else event.branch)
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
        return "busy", f"environment {suffix} is being {other.purpose.doing}"
    stays = _why_it_stays(event, branch, record, environment, context)
    # FIS must put the network rules back first: they would keep the network from being deleted.
    if stays is None and context.drills.is_running(suffix):
        stays = "busy", f"a drill runs in environment {suffix}"
    if stays is not None:
        return stays
    if record is None and not environment.stacks:
        context.quota.give_back(suffix)
        return "nothing", f"environment {suffix} does not exist"
    if not context.registry.lock(
        suffix,
        purpose=Purpose.DESTROY,
        holder=execution,
        branch=branch,
        now=context.now(),
        only_if_expired=event.reason is Reason.EXPIRED and not environment.is_half_deleted,
    ):
        # Locked or extended since it was read: the next call decides again.
        return "busy", f"environment {suffix} has just changed"
    return "delete", f"environment {suffix} is deleted: {_WHY[event.reason]}"


_WHY = {
    Reason.DELETED: "its branch was deleted",
    Reason.EXPIRED: "it has expired",
    Reason.ORPHANED: "its branch is gone, or it is half deleted",
}


def _is_protected(branch: str | None, environment: Environment, context: LifecycleContext) -> bool:
    if context.policy.protects_suffix(environment.suffix):
        return True
    # The stacks have their tags even if the registry is lost.
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
        return None  # it is unusable and blocks a new one
    if event.reason is Reason.EXPIRED:
        if _has_expired(record, environment, context):
            return None
        return "not_expired", f"environment {suffix} was extended since"
    if _is_alive(branch, suffix, context):
        return "alive", f"branch {branch or f'of {suffix}'} exists: its environment stays"
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
