"""Records the result in the last steps of both machines; only the lock's holder may call them."""

from collections.abc import Mapping, Sequence
from typing import Any

from branch_hub.events import Reason
from branch_hub.functions.lifecycle.cause import in_one_sentence
from branch_hub.functions.lifecycle.verdict import refusal_of, verdict_of
from branch_hub.functions.shared.lifecycle_context import LifecycleContext, holds
from branch_hub.functions.shared.records import State


class PipelineMissing(Exception):
    """A build succeeded, but neither deployed the pipeline nor said why."""


def settle(
    *,
    suffix: str,
    branch: str,
    execution: str,
    succeeded: bool,
    cause: str,
    build: Mapping[str, Any],
    context: LifecycleContext,
) -> dict[str, Any]:
    """Record whether the pipeline was deployed. A failed one keeps no place in the quota.

    `refused`: the build deployed nothing, because the app is not only the branch's own pipeline.
    Raises PipelineMissing, which is a failure.
    """
    verdict = verdict_of(build)
    refusal = refusal_of(verdict)
    if succeeded and refusal is None:
        if verdict is None and context.stacks.environment(suffix).pipeline is None:
            raise PipelineMissing(f"the build of the pipeline of {suffix} deployed nothing")
        context.registry.release(suffix, holder=execution, state=State.LIVE)
        return {"outcome": "live", "message": f"environment {suffix} of {branch} has its pipeline"}
    cause = in_one_sentence(cause) if refusal is None else refusal
    # While the lock is held: otherwise an execution that starts now would lose its place.
    if (
        holds(context.registry.get(suffix), execution)
        and not context.stacks.environment(suffix).stacks
    ):
        context.quota.give_back(suffix)
    # A refusal is recorded like a failure: only a push tries again, not the reconciler.
    context.registry.release(suffix, holder=execution, state=State.FAILED, cause=cause)
    if refusal is not None:
        return {"outcome": "refused", "message": f"environment {suffix} was refused: {refusal}"}
    return {
        "outcome": "failed",
        "message": f"environment {suffix} of branch {branch} could not be created: {cause}. "
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
    """Free the place of a deleted environment. An expired one is recorded, and stays deleted."""
    if holds(context.registry.get(suffix), execution):
        context.quota.give_back(suffix)
        if reason is Reason.EXPIRED:
            context.registry.mark_expired(suffix, holder=execution, now=context.now())
        else:
            context.registry.remove(suffix, holder=execution)
    return {
        "outcome": "forgotten",
        "message": f"environment {suffix} of branch {branch or '(unknown)'} is gone "
        f"({reason.value}), deleted: {', '.join(removed) or 'nothing was left'}",
    }


def abandon(
    *, suffix: str, execution: str, cause: str, context: LifecycleContext
) -> dict[str, Any]:
    """Deletion failed: the reconciler retries. The place in the quota stays taken."""
    cause = in_one_sentence(cause)
    context.registry.release(suffix, holder=execution, state=State.DESTROY_FAILED, cause=cause)
    return {
        "outcome": "abandoned",
        "message": f"environment {suffix} could not be deleted: {cause}. `make reconcile` shows "
        "it; with APPLY=yes it retries",
    }
