"""Whether a pushed branch gets an environment: the first step of the create machine."""

from datetime import datetime
from typing import Any

from branch_hub.functions.lifecycle.lifecycle_context import LifecycleContext, holds
from branch_hub.functions.shared.events import BranchEvent
from branch_hub.functions.shared.moments import age
from branch_hub.functions.shared.records import Lock, Purpose, State
from branch_hub.functions.shared.stacks import Environment

_OLDEST_SHOWN = 5


def admit(
    event: BranchEvent, *, branch: str, execution: str, context: LifecycleContext
) -> dict[str, Any]:
    """Decide by what is true now, whatever the event says.

    `make`: the caller holds the lock and makes the pipeline. `extended`: it is there. `busy`: ask
    again soon. `gone`: nothing to make. `refused`: a person must do something. `protected`: it is
    the trunk, whose pipeline a person deploys.
    Safe to repeat: the holder of the lock is told `make` again.
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
        return "gone", f"branch {branch} is not there (any more): nothing to make"
    suffix = event.suffix
    record = context.registry.get(suffix)
    other = context.lock_of_another(record, execution)
    environment = context.stacks.environment(suffix)
    owner = context.owner(environment, record)
    if owner is not None and owner != branch:
        return _of_another(owner, branch, environment, context, is_in_work=other is not None)
    if other is not None:
        return _beside(other, event, branch, context)
    if environment.foreign_stacks or environment.is_half_deleted:
        return "refused", _in_the_way(branch, environment)
    is_there = environment.pipeline is not None and environment.pipeline.serves
    if is_there and not holds(record, execution):
        return _extend(event, branch, context)
    return _make(event, branch, execution, context)


def _of_another(
    owner: str,
    branch: str,
    environment: Environment,
    context: LifecycleContext,
    *,
    is_in_work: bool,
) -> tuple[str, str]:
    """What a branch left that is gone is nobody's, when nothing is deployed any more."""
    suffix = environment.suffix
    if environment.stacks or context.host.exists(owner):
        return "refused", _taken(branch, suffix, owner)
    if not is_in_work:
        context.registry.drop(suffix, branch=owner)
    return "busy", f"environment {suffix} was that of branch {owner}, which is gone"


def _beside(
    other: Lock, event: BranchEvent, branch: str, context: LifecycleContext
) -> tuple[str, str]:
    """Somebody is at it. Whether it can be made is not known before that is over: what is pushed
    while a build runs that will fail may be what mends it."""
    if other.purpose is Purpose.DESTROY:
        return "busy", f"environment {event.suffix} is just being unmade: it is made after that"
    _extend(event, branch, context)
    return "busy", f"environment {event.suffix} is just being made: it is looked at after that"


def _extend(event: BranchEvent, branch: str, context: LifecycleContext) -> tuple[str, str]:
    expires_at = _expires_at(branch, context)
    if not _note_push(event, branch, context, expires_at):
        return "busy", f"environment {event.suffix} has just begun to be unmade"
    if not context.policy.protects(branch):
        context.quota.count_in(event.suffix)
    until = "" if expires_at is None else f", until {expires_at:%Y-%m-%d %H:%M} UTC"
    return "extended", f"environment {event.suffix} is there{until}"


def _make(
    event: BranchEvent, branch: str, execution: str, context: LifecycleContext
) -> tuple[str, str]:
    suffix, now = event.suffix, context.now()
    if branch == context.policy.trunk:
        # It may have one by another name; a second would deploy to production beside it.
        return "protected", f"the pipeline of {branch} is deployed by hand and is not made here"
    if not context.registry.lock(
        suffix, purpose=Purpose.CREATE, holder=execution, branch=branch, now=now
    ):
        return "busy", f"another execution has just taken environment {suffix}"
    if not context.policy.protects(branch) and not context.quota.take(suffix):
        message = _no_room(branch, context, now)
        context.registry.release(suffix, holder=execution, state=State.REFUSED, cause=message)
        return "refused", message
    # The clock starts with the push, also for an environment that is not there yet.
    _note_push(event, branch, context, _expires_at(branch, context))
    return "make", f"environment {suffix} is made for branch {branch}"


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
    """What may not be removed does not expire."""
    return None if context.policy.protects(branch) else context.now() + context.lifetime


def _taken(branch: str, suffix: str, owner: str) -> str:
    return (
        f"branch {branch} gets no environment: it would be called {suffix}, by the hash of its "
        f"name, as that of branch {owner} is. Rename {branch} and push it: "
        "git branch -m <new name> && git push -u origin <new name>"
    )


def _in_the_way(branch: str, environment: Environment) -> str:
    suffix = environment.suffix
    if environment.foreign_stacks:
        return (
            f"branch {branch} gets no environment, as another's has its name: "
            f"{'; '.join(environment.foreign_stacks)}. One repository for each account and region: "
            "move one of them, or rename the branch and push it"
        )
    return (
        f"branch {branch}: the environment {suffix} that it had before could not be removed. "
        "`make reconcile APPLY=yes` removes the rest (the hourly reconciler does it where it may "
        "apply its plan); push a new commit after that"
    )


def _no_room(branch: str, context: LifecycleContext, now: datetime) -> str:
    members = context.quota.members()
    others = sorted(
        (r for r in context.registry.all() if r.suffix in members), key=lambda r: r.created_at
    )
    oldest = ", ".join(
        f"{r.branch or 'unknown branch'} ({r.suffix}, {age(r.created_at, now)} old)"
        for r in others[:_OLDEST_SHOWN]
    )
    return (
        f"branch {branch} gets no environment: {len(members)} of {context.quota.limit} are in use. "
        f"The oldest: {oldest}. Delete a branch that is done, which removes its environment, or "
        "raise branches.quota in cdk.json; then push a new commit"
    )
