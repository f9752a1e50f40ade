"""How it went: the last steps of both machines. Only the holder of the lock is listened to."""

from collections.abc import Sequence
from typing import Any

from branch_hub.functions.lifecycle.cause import in_one_sentence
from branch_hub.functions.lifecycle.lifecycle_context import LifecycleContext, holds
from branch_hub.functions.shared.events import Reason
from branch_hub.functions.shared.records import State


def settle(
    *,
    suffix: str,
    branch: str,
    execution: str,
    succeeded: bool,
    cause: str,
    context: LifecycleContext,
) -> dict[str, Any]:
    """Say that the pipeline was made, or was not. What failed keeps no place in the quota."""
    if succeeded:
        context.registry.release(suffix, holder=execution, state=State.LIVE)
        return {"outcome": "live", "message": f"environment {suffix} of {branch} has its pipeline"}
    cause = in_one_sentence(cause)
    # While the lock is held, or a run that begins now would lose its place.
    if (
        holds(context.registry.get(suffix), execution)
        and not context.stacks.environment(suffix).stacks
    ):
        context.quota.give_back(suffix)
    context.registry.release(suffix, holder=execution, state=State.FAILED, cause=cause)
    return {
        "outcome": "failed",
        "message": f"environment {suffix} of branch {branch} could not be made: {cause}. "
        "A push to the branch tries again",
    }


def forget(
    *,
    suffix: str,
    branch: str | None,
    execution: str,
    reason: Reason,
    removed: Sequence[str],
    context: LifecycleContext,
) -> dict[str, Any]:
    """Nothing is left of it: free its place. What expired is remembered, so that it stays away."""
    record = context.registry.get(suffix)
    if record is not None and holds(record, execution) and branch in (None, record.branch):
        context.quota.give_back(suffix)
        if reason is Reason.EXPIRED:
            context.registry.mark_expired(suffix, holder=execution, now=context.now())
        else:
            context.registry.remove(suffix, holder=execution)
    return {
        "outcome": "forgotten",
        "message": f"environment {suffix} of branch {branch or '(unknown)'} is gone "
        f"({reason.value}), removed: {', '.join(removed) or 'nothing was left'}",
    }


def abandon(
    *, suffix: str, execution: str, cause: str, context: LifecycleContext
) -> dict[str, Any]:
    """Unmaking failed: the reconciler tries again. Its place stays taken, as it is still there."""
    cause = in_one_sentence(cause)
    context.registry.release(suffix, holder=execution, state=State.DESTROY_FAILED, cause=cause)
    return {
        "outcome": "abandoned",
        "message": f"environment {suffix} could not be removed: {cause}. `make reconcile` shows "
        "it, and with APPLY=yes tries again",
    }
