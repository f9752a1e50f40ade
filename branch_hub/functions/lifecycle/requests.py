"""Dispatches requests of the state machines: one action per request."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from branch_hub.events import BranchEvent, InvalidEvent, Reason
from branch_hub.functions.lifecycle.admit import admit
from branch_hub.functions.lifecycle.claim import claim
from branch_hub.functions.lifecycle.outcome import abandon, forget, settle
from branch_hub.functions.lifecycle.sleep import (
    asleep,
    awake,
    claim_sleep,
    claim_wake,
    sleep_or_wake_failed,
)
from branch_hub.functions.shared.lifecycle_context import LifecycleContext

Request = Mapping[str, Any]


def carry_out(request: Request, *, context: LifecycleContext) -> dict[str, Any]:
    """Raises InvalidEvent for a malformed request, and HostUnavailable."""
    action = request.get("action")
    if not isinstance(action, str) or action not in _ACTIONS:
        raise InvalidEvent(f"action is {action!r}: it must be one of {', '.join(_ACTIONS)}")
    return _ACTIONS[action](request, context)


def _admit(request: Request, context: LifecycleContext) -> dict[str, Any]:
    event = _event(request, context)
    if event.branch is None or event.reason is not Reason.PUSHED:
        raise InvalidEvent(f"reason is {event.reason}: only a pushed branch is admitted")
    return admit(event, branch=event.branch, execution=request["execution"], context=context)


def _claim(request: Request, context: LifecycleContext) -> dict[str, Any]:
    event = _event(request, context)
    if event.reason is Reason.PUSHED:
        raise InvalidEvent(f"reason is {event.reason}: a pushed branch is not deleted")
    return claim(event, execution=request["execution"], context=context)


def _settle(request: Request, context: LifecycleContext) -> dict[str, Any]:
    return settle(
        suffix=request["suffix"],
        branch=request["branch"],
        execution=request["execution"],
        succeeded=request["succeeded"],
        cause=request.get("cause", ""),
        build=request.get("build", {}),
        context=context,
    )


def _forget(request: Request, context: LifecycleContext) -> dict[str, Any]:
    return forget(
        suffix=request["suffix"],
        branch=request.get("branch"),
        execution=request["execution"],
        reason=Reason(request["reason"]),
        removed=request["removed"],
        context=context,
    )


def _abandon(request: Request, context: LifecycleContext) -> dict[str, Any]:
    return abandon(
        suffix=request["suffix"],
        execution=request["execution"],
        cause=request["cause"],
        context=context,
    )


_ACTIONS: Final[Mapping[str, Callable[[Request, LifecycleContext], dict[str, Any]]]] = {
    "admit": _admit,
    "claim": _claim,
    "settle": _settle,
    "forget": _forget,
    "abandon": _abandon,
    "claim_sleep": lambda request, context: claim_sleep(
        request["detail"], execution=request["execution"], context=context
    ),
    "claim_wake": lambda request, context: claim_wake(
        request["detail"], execution=request["execution"], context=context
    ),
    "asleep": lambda request, context: asleep(
        request["detail"], execution=request["execution"], context=context
    ),
    "awake": lambda request, context: awake(
        request["detail"], execution=request["execution"], context=context
    ),
    "sleep_or_wake_failed": lambda request, context: sleep_or_wake_failed(
        request["detail"], execution=request["execution"], cause=request["cause"], context=context
    ),
}


def _event(request: Request, context: LifecycleContext) -> BranchEvent:
    event = BranchEvent.parse(request["detail"])
    if event.repository != context.repository:
        raise InvalidEvent(
            f"repository is {event.repository!r}: this hub serves {context.repository}"
        )
    return event
