"""Whether a pushed branch gets an environment: the first step of the create machine."""

from datetime import datetime
from typing import Any

from lambda_src.branch_lifecycle.keeper import Keeper, holds
from lambda_src.branches.events import BranchEvent
from lambda_src.branches.moments import age
from lambda_src.branches.records import Lock, Purpose, State
from lambda_src.branches.stacks import Environment

_OLDEST_SHOWN = 5


def admit(event: BranchEvent, *, branch: str, execution: str, keeper: Keeper) -> dict[str, Any]:
    """Decide by what is true now, whatever the event says.

    `make`: the caller holds the lock and makes the pipeline. `extended`: it is there. `busy`: ask
    again soon. `gone`: nothing to make. `refused`: a person must do something. `protected`: it is
    the trunk, whose pipeline a person deploys.
    Safe to repeat: the holder of the lock is told `make` again.
    """
    outcome, message = _decide(event, branch, execution, keeper)
    return {
        "outcome": outcome,
        "branch": branch,
        "suffix": event.suffix,
        "commit": event.commit,
        "message": message,
    }


def _decide(event: BranchEvent, branch: str, execution: str, keeper: Keeper) -> tuple[str, str]:
    if not keeper.host.exists(branch):
        return "gone", f"branch {branch} is not there (any more): nothing to make"
    suffix = event.suffix
    record = keeper.registry.get(suffix)
    other = keeper.lock_of_another(record, execution)
    environment = keeper.stacks.environment(suffix)
    owner = keeper.owner(environment, record)
    if owner is not None and owner != branch:
        return _of_another(owner, branch, environment, keeper, is_in_work=other is not None)
    if other is not None:
        return _beside(other, event, branch, keeper)
    if environment.strangers or environment.is_half_deleted:
        return "refused", _in_the_way(branch, environment)
    is_there = environment.pipeline is not None and environment.pipeline.serves
    if is_there and not holds(record, execution):
        return _extend(event, branch, keeper)
    return _make(event, branch, execution, keeper)


def _of_another(
    owner: str, branch: str, environment: Environment, keeper: Keeper, *, is_in_work: bool
) -> tuple[str, str]:
    """What a branch left that is gone is nobody's, when nothing is deployed any more."""
    suffix = environment.suffix
    if environment.stacks or keeper.host.exists(owner):
        return "refused", _taken(branch, suffix, owner)
    if not is_in_work:
        keeper.registry.drop(suffix, branch=owner)
    return "busy", f"environment {suffix} was that of branch {owner}, which is gone"


def _beside(other: Lock, event: BranchEvent, branch: str, keeper: Keeper) -> tuple[str, str]:
    """Somebody is at it. Whether it can be made is not known before that is over: what is pushed
    while a build runs that will fail may be what mends it."""
    if other.purpose is Purpose.DESTROY:
        return "busy", f"environment {event.suffix} is just being unmade: it is made after that"
    _extend(event, branch, keeper)
    return "busy", f"environment {event.suffix} is just being made: it is looked at after that"


def _extend(event: BranchEvent, branch: str, keeper: Keeper) -> tuple[str, str]:
    expires_at = _expires_at(branch, keeper)
    if not _note_push(event, branch, keeper, expires_at):
        return "busy", f"environment {event.suffix} has just begun to be unmade"
    if not keeper.policy.protects(branch):
        keeper.quota.count_in(event.suffix)
    until = "" if expires_at is None else f", until {expires_at:%Y-%m-%d %H:%M} UTC"
    return "extended", f"environment {event.suffix} is there{until}"


def _make(event: BranchEvent, branch: str, execution: str, keeper: Keeper) -> tuple[str, str]:
    suffix, now = event.suffix, keeper.now()
    if branch == keeper.policy.trunk:
        # It may have one by another name; a second would deploy to production beside it.
        return "protected", f"the pipeline of {branch} is deployed by hand and is not made here"
    if not keeper.registry.lock(
        suffix, purpose=Purpose.CREATE, holder=execution, branch=branch, now=now
    ):
        return "busy", f"another execution has just taken environment {suffix}"
    if not keeper.policy.protects(branch) and not keeper.quota.take(suffix):
        message = _no_room(branch, keeper, now)
        keeper.registry.release(suffix, holder=execution, state=State.REFUSED, cause=message)
        return "refused", message
    # The clock starts with the push, also for an environment that is not there yet.
    _note_push(event, branch, keeper, _expires_at(branch, keeper))
    return "make", f"environment {suffix} is made for branch {branch}"


def _note_push(
    event: BranchEvent, branch: str, keeper: Keeper, expires_at: datetime | None
) -> bool:
    return keeper.registry.extend(
        event.suffix,
        branch=branch,
        commit=event.commit,
        now=keeper.now(),
        expires_at=expires_at,
    )


def _expires_at(branch: str, keeper: Keeper) -> datetime | None:
    """What may not be removed does not expire."""
    return None if keeper.policy.protects(branch) else keeper.now() + keeper.lifetime


def _taken(branch: str, suffix: str, owner: str) -> str:
    return (
        f"branch {branch} gets no environment: it would be called {suffix}, by the hash of its "
        f"name, as that of branch {owner} is. Rename {branch} and push it: "
        "git branch -m <new name> && git push -u origin <new name>"
    )


def _in_the_way(branch: str, environment: Environment) -> str:
    suffix = environment.suffix
    if environment.strangers:
        return (
            f"branch {branch} gets no environment, as another's has its name: "
            f"{'; '.join(environment.strangers)}. One repository for each account and region: "
            "move one of them, or rename the branch and push it"
        )
    return (
        f"branch {branch}: the environment {suffix} that it had before could not be removed. "
        "`make reconcile APPLY=yes` removes the rest (the hourly reconciler does it where it may "
        "apply its plan); push a new commit after that"
    )


def _no_room(branch: str, keeper: Keeper, now: datetime) -> str:
    members = keeper.quota.members()
    others = sorted(
        (r for r in keeper.registry.all() if r.suffix in members), key=lambda r: r.created_at
    )
    oldest = ", ".join(
        f"{r.branch or 'unknown branch'} ({r.suffix}, {age(r.created_at, now)} old)"
        for r in others[:_OLDEST_SHOWN]
    )
    return (
        f"branch {branch} gets no environment: {len(members)} of {keeper.quota.limit} are in use. "
        f"The oldest: {oldest}. Delete a branch that is done, which removes its environment, or "
        "raise branches.quota in cdk.json; then push a new commit"
    )
