"""Decides whether an environment is put to sleep or woken, and records the result.

First and last steps of the machines for sleep. An environment of the trunk never sleeps.
"""

from collections.abc import Mapping
from typing import Any

from branch_hub.functions.lifecycle.cause import in_one_sentence
from branch_hub.functions.shared.lifecycle_context import LifecycleContext
from branch_hub.functions.shared.pipeline_runs import PIPELINE
from branch_hub.functions.shared.records import EnvironmentRecord, State
from branch_hub.functions.shared.sleep_registry import SleepRegistry
from branch_hub.functions.shared.stacks import DeployedStack
from lambda_src.shared.branch_suffix import is_branch_suffix


def claim_sleep(
    detail: Mapping[str, Any], *, execution: str, context: LifecycleContext
) -> dict[str, Any]:
    """`sleep`: the caller holds the lock. `busy`: call again soon. `stays`: it does not sleep.

    Safe to repeat, also for an environment that sleeps: AWS starts a stopped cluster after seven
    days.
    """
    suffix, record = _read(detail, context)
    outcome, message = _claim_sleep(suffix, record, execution, context)
    # A second notice about the same sleep says nothing new.
    is_new = record is None or record.sleeping is None
    return _answer(suffix, outcome, message) | {"is_new": is_new}


def _claim_sleep(
    suffix: str, record: EnvironmentRecord | None, execution: str, context: LifecycleContext
) -> tuple[str, str]:
    refusal = _why_not(suffix, record, context)
    if refusal is not None:
        return "stays", refusal
    application = context.stacks.environment(suffix).application
    if application is None or not application.serves:
        return "stays", f"environment {suffix} is not deployed: {_state_of(application)}"
    busy = _why_busy(suffix, record, application, execution, context)
    if busy is not None:
        return "busy", busy
    if not SleepRegistry(context.registry).lock_to_sleep(
        suffix, holder=execution, now=context.now(), until=context.sleeps_until
    ):
        return "busy", f"environment {suffix} has just changed"
    return "sleep", f"environment {suffix} is put to sleep"


def _why_busy(
    suffix: str,
    record: EnvironmentRecord | None,
    application: DeployedStack,
    execution: str,
    context: LifecycleContext,
) -> str | None:
    other = context.lock_of_another(record, execution)
    if other is not None:
        return f"environment {suffix} is being {other.purpose.doing}"
    if context.drills.is_running(suffix):
        return f"a drill runs in environment {suffix}"
    # A run that starts later wakes it: its event waits for the lock.
    if application.is_in_progress or context.runs.is_running(suffix):
        return f"a run of its pipeline deploys or tests environment {suffix}"
    return None


def claim_wake(
    detail: Mapping[str, Any], *, execution: str, context: LifecycleContext
) -> dict[str, Any]:
    """`wake`: the caller holds the lock. `busy`: call again soon. `stays`: it is awake, or is not
    an environment that sleeps. `detail` is `{"suffix": ...}`, or an event of a pipeline's run.

    With `"always": true` it is woken even if the record says that it is awake: the registry may
    have been lost, and a push has recorded it again since. Safe to repeat.
    """
    suffix, record = _read(detail, context)
    outcome, message = _claim_wake(
        suffix, record, execution, context, always=detail.get("always") is True
    )
    return _answer(suffix, outcome, message)


def _claim_wake(
    suffix: str,
    record: EnvironmentRecord | None,
    execution: str,
    context: LifecycleContext,
    *,
    always: bool,
) -> tuple[str, str]:
    refusal = _why_not(suffix, record, context)
    if refusal is not None:
        return "stays", refusal
    other = context.lock_of_another(record, execution)
    if other is not None:
        return "busy", f"environment {suffix} is being {other.purpose.doing}"
    assert record is not None, "refused above"
    if record.sleeping is None and not always:
        return "stays", f"environment {suffix} is awake"
    application = context.stacks.environment(suffix).application
    if application is None:
        return "stays", f"environment {suffix} is not deployed: {_state_of(application)}"
    if not SleepRegistry(context.registry).lock_to_wake(
        suffix, holder=execution, now=context.now()
    ):
        return "busy", f"environment {suffix} has just changed"
    return "wake", f"environment {suffix} is woken"


def asleep(
    detail: Mapping[str, Any], *, execution: str, context: LifecycleContext
) -> dict[str, Any]:
    """Record that all parts are stopped, and release the lock."""
    suffix, record = _read(detail, context)
    context.registry.release(suffix, holder=execution, state=State.LIVE)
    until = record.sleeping.until if record is not None and record.sleeping is not None else None
    wakes = f"It wakes at {until}" if until else "No schedule wakes it"
    return _answer(
        suffix,
        "asleep",
        f"environment {suffix} sleeps: no task and no database run, messages wait in its queues, "
        f"and its alarms are silent. {wakes}; a push, or make wake, wakes it at once",
    )


def awake(
    detail: Mapping[str, Any], *, execution: str, context: LifecycleContext
) -> dict[str, Any]:
    """Record that all parts run, and release the lock."""
    suffix, _ = _read(detail, context)
    SleepRegistry(context.registry).woken(suffix, holder=execution)
    return _answer(suffix, "awake", f"environment {suffix} is awake, and its alarms are on again")


def sleep_or_wake_failed(
    detail: Mapping[str, Any], *, execution: str, cause: str, context: LifecycleContext
) -> dict[str, Any]:
    """Record why, and release the lock. The record still says that it sleeps: it can be woken."""
    suffix, record = _read(detail, context)
    cause = in_one_sentence(cause)
    context.registry.release(suffix, holder=execution, state=State.LIVE, cause=cause)
    half = record is not None and record.sleeping is not None
    state = "Parts of it may be stopped, and its alarms silent" if half else "It was not changed"
    return _answer(
        suffix,
        "failed",
        f"environment {suffix}: {cause}. {state}: "
        "make wake starts what is stopped; a push does the same",
    )


def _read(
    detail: Mapping[str, Any], context: LifecycleContext
) -> tuple[str, EnvironmentRecord | None]:
    """The suffix of a request or of a pipeline's event, and its record."""
    suffix = detail.get("suffix") or str(detail.get("pipeline", "")).removeprefix(f"{PIPELINE}-")
    return str(suffix), context.registry.get(str(suffix))


def _why_not(
    suffix: str, record: EnvironmentRecord | None, context: LifecycleContext
) -> str | None:
    if not is_branch_suffix(suffix) or context.policy.protects_suffix(suffix):
        return f"environment {suffix!r} never sleeps: it is not that of a branch beside the trunk"
    if record is None:
        return (
            f"environment {suffix} does not exist: the hub has no record of it. If it does, "
            "the registry was lost: a push records it again, then repeat this command"
        )
    if record.lock is None and record.state is not State.LIVE:
        return f"environment {suffix} is {record.state.value}: {record.cause or 'no cause'}"
    return None


def _state_of(application: DeployedStack | None) -> str:
    return "it has no stack" if application is None else f"its stack is {application.status}"


def _answer(suffix: str, outcome: str, message: str) -> dict[str, Any]:
    return {"outcome": outcome, "suffix": suffix, "message": message}
