"""What the state machines ask of the lifecycle: one action a request."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from lambda_src.branch_lifecycle.admit import admit
from lambda_src.branch_lifecycle.claim import claim
from lambda_src.branch_lifecycle.keeper import Keeper
from lambda_src.branch_lifecycle.outcome import abandon, forget, settle
from lambda_src.branches.events import BranchEvent, InvalidEvent, Reason

Request = Mapping[str, Any]


def carry_out(request: Request, *, keeper: Keeper) -> dict[str, Any]:
    """Raises InvalidEvent for what is no request, and HostUnavailable."""
    action = request.get("action")
    if not isinstance(action, str) or action not in _ACTIONS:
        raise InvalidEvent(f"action is {action!r}: it must be one of {', '.join(_ACTIONS)}")
    return _ACTIONS[action](request, keeper)


def _admit(request: Request, keeper: Keeper) -> dict[str, Any]:
    event = _event(request, keeper)
    if event.branch is None or event.reason is not Reason.PUSHED:
        raise InvalidEvent(f"reason is {event.reason}: only what was pushed is admitted")
    return admit(event, branch=event.branch, execution=request["execution"], keeper=keeper)


def _claim(request: Request, keeper: Keeper) -> dict[str, Any]:
    event = _event(request, keeper)
    if event.reason is Reason.PUSHED:
        raise InvalidEvent(f"reason is {event.reason}: what was pushed is not unmade")
    return claim(event, execution=request["execution"], keeper=keeper)


def _settle(request: Request, keeper: Keeper) -> dict[str, Any]:
    return settle(
        suffix=request["suffix"],
        branch=request["branch"],
        execution=request["execution"],
        succeeded=request["succeeded"],
        cause=request.get("cause", ""),
        keeper=keeper,
    )


def _forget(request: Request, keeper: Keeper) -> dict[str, Any]:
    return forget(
        suffix=request["suffix"],
        branch=request.get("branch"),
        execution=request["execution"],
        reason=Reason(request["reason"]),
        removed=request["removed"],
        keeper=keeper,
    )


def _abandon(request: Request, keeper: Keeper) -> dict[str, Any]:
    return abandon(
        suffix=request["suffix"],
        execution=request["execution"],
        cause=request["cause"],
        keeper=keeper,
    )


_ACTIONS: Final[Mapping[str, Callable[[Request, Keeper], dict[str, Any]]]] = {
    "admit": _admit,
    "claim": _claim,
    "settle": _settle,
    "forget": _forget,
    "abandon": _abandon,
}


def _event(request: Request, keeper: Keeper) -> BranchEvent:
    event = BranchEvent.parse(request["detail"])
    if event.repository != keeper.repository:
        raise InvalidEvent(
            f"repository is {event.repository!r}: this hub is that of {keeper.repository}"
        )
    return event
