"""Decides whether a pushed branch gets an environment: first step of the create machine."""

from datetime import datetime
from typing import Any

from branch_hub.events import BranchEvent
from branch_hub.functions.shared.account_room import Capacity
from branch_hub.functions.shared.lifecycle_context import LifecycleContext, holds
from branch_hub.functions.shared.records import Lock, Purpose, State
from branch_hub.functions.shared.stacks import Environment
from branch_hub.moments import age

_OLDEST_SHOWN = 5


def admit(
    event: BranchEvent, *, branch: str, execution: str, context: LifecycleContext
) -> dict[str, Any]:
    """Decide by the current state: the event is only a hint.

    `create`: the caller holds the lock and deploys the pipeline. `extended`: it exists. `wake`: it
    exists and sleeps. `busy`: call again soon. `gone`: the branch does not exist. `refused`: a
    person must act. `protected`: it is the trunk, whose pipeline a person deploys.
    Safe to repeat: the holder of the lock gets `create` again.
    """
    outcome, message = _decide(event, branch, execution, context)
    return {
        "outcome": outcome,
        "branch": branch,
        "suffix": event.suffix,
        "commit": event.commit,
        "message": message,
    }


def _decide(
    event: BranchEvent, branch: str, execution: str, context: LifecycleContext
) -> tuple[str, str]:
    if not context.host.exists(branch):
        return "gone", f"branch {branch} does not exist (any more): nothing to create"
    suffix = event.suffix
    record = context.registry.get(suffix)
    other = context.lock_of_another(record, execution)
    environment = context.stacks.environment(suffix)
    owner = context.owner(environment, record)
    if owner is not None and owner != branch and not _is_released(owner, environment, context):
        return "refused", _taken(branch, suffix, owner)
    if other is not None:
        return _wait_for(other, event, branch, context)
    if environment.foreign_stacks or environment.is_half_deleted:
        return "refused", _in_the_way(branch, environment)
    is_there = environment.pipeline is not None and environment.pipeline.serves
    if is_there and not holds(record, execution):
        sleeps = record is not None and record.sleeping is not None
        return _extend(event, branch, context, sleeps=sleeps)
    return _create(event, branch, execution, context)


def _is_released(owner: str, environment: Environment, context: LifecycleContext) -> bool:
    """Whether only an expired record is left of an owner that was deleted, and is now deleted."""
    if environment.stacks or environment.foreign_stacks or context.host.exists(owner):
        return False
    return context.registry.remove_expired(environment.suffix, branch=owner)


def _wait_for(
    other: Lock, event: BranchEvent, branch: str, context: LifecycleContext
) -> tuple[str, str]:
    """Another execution holds the lock; wait, because this push may fix its failing build."""
    if other.purpose is Purpose.DESTROY:
        return "busy", f"environment {event.suffix} is being deleted: it is created after that"
    _extend(event, branch, context)
    doing = other.purpose.doing
    return "busy", f"environment {event.suffix} is being {doing}: it is checked after that"


def _extend(
    event: BranchEvent, branch: str, context: LifecycleContext, *, sleeps: bool = False
) -> tuple[str, str]:
    expires_at = _expires_at(branch, context)
    if not _note_push(event, branch, context, expires_at):
        return "busy", f"environment {event.suffix} is being deleted"
    if not context.policy.protects(branch):
        context.quota.count_in(event.suffix)
    until = "" if expires_at is None else f", until {expires_at:%Y-%m-%d %H:%M} UTC"
    if sleeps:
        return "wake", f"environment {event.suffix} is woken; it exists{until}"
    return "extended", f"environment {event.suffix} exists{until}"


def _create(
    event: BranchEvent, branch: str, execution: str, context: LifecycleContext
) -> tuple[str, str]:
    suffix, now = event.suffix, context.now()
    if branch == context.policy.trunk:
        # Its pipeline may have another suffix; a second pipeline would also deploy to production.
        return "protected", f"the pipeline of {branch} is deployed by a person, not by the hub"
    if not context.registry.lock(
        suffix, purpose=Purpose.CREATE, holder=execution, branch=branch, now=now
    ):
        return "busy", f"another execution has just locked environment {suffix}"
    capacity = context.capacity(suffix=suffix)
    if not _has_place(suffix, branch, capacity, context):
        message = _no_room(branch, capacity, context, now)
        context.registry.release(suffix, holder=execution, state=State.REFUSED, cause=message)
        return "refused", message
    # The lifetime starts with the push, also for an environment that does not exist yet.
    _note_push(event, branch, context, _expires_at(branch, context))
    unchecked = "; ".join(capacity.room.unchecked)
    note = f". These quotas were not checked: {unchecked}" if unchecked else ""
    return "create", f"environment {suffix} is created for branch {branch}{note}"


def _has_place(suffix: str, branch: str, capacity: Capacity, context: LifecycleContext) -> bool:
    """Take a place for every environment that is not protected. Atomic: of two branches that are
    pushed at once, the account's last place goes to one."""
    if context.policy.protects(branch):
        return capacity.has_room
    return context.quota.take(suffix, at_most=capacity.at_most)


def _note_push(
    event: BranchEvent, branch: str, context: LifecycleContext, expires_at: datetime | None
) -> bool:
    return context.registry.extend(
        event.suffix,
        branch=branch,
        commit=event.commit,
        now=context.now(),
        expires_at=expires_at,
    )


def _expires_at(branch: str, context: LifecycleContext) -> datetime | None:
    """A protected environment does not expire."""
    return None if context.policy.protects(branch) else context.now() + context.lifetime


def _taken(branch: str, suffix: str, owner: str) -> str:
    return (
        f"branch {branch} gets no environment: its suffix {suffix} belongs to branch {owner}, "
        f"whose name has the same hash. Rename {branch} and push it: "
        f"git branch -m <new name> && git push -u origin <new name>. If {owner} was deleted, its "
        "record is left from a missed event: `make reconcile APPLY=yes` deletes it"
    )


def _in_the_way(branch: str, environment: Environment) -> str:
    suffix = environment.suffix
    if environment.foreign_stacks:
        return (
            f"branch {branch} gets no environment, because other stacks have its names: "
            f"{'; '.join(environment.foreign_stacks)}. Use one repository per account and region: "
            "move one of them, or rename the branch and push it"
        )
    return (
        f"branch {branch}: its earlier environment {suffix} could not be deleted. "
        "`make reconcile APPLY=yes` deletes the rest (the hourly reconciler does so if "
        "branches.reconcile is apply); then push a new commit"
    )


def _no_room(branch: str, capacity: Capacity, context: LifecycleContext, now: datetime) -> str:
    members = context.quota.members()
    if context.policy.protects(branch) or len(members) < context.quota.limit:
        return capacity.refusal(branch, region=context.account.region)
    others = sorted(
        (r for r in context.registry.all() if r.suffix in members), key=lambda r: r.created_at
    )
    oldest = ", ".join(
        f"{r.branch or 'unknown branch'} ({r.suffix}, {age(r.created_at, now)} old)"
        for r in others[:_OLDEST_SHOWN]
    )
    return (
        f"branch {branch} gets no environment: {len(members)} of {context.quota.limit} are in use. "
        f"The oldest: {oldest}. Delete a finished branch, which deletes its environment, or "
        "raise branches.quota in cdk.json; then push a new commit"
    )
