"""Plans the action for each suffix; `apply.py` carries it out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from branch_hub.events import Reason
from branch_hub.functions.reconciler.survey import EnvironmentStatus
from branch_hub.functions.shared.policy import BranchPolicy
from branch_hub.functions.shared.records import EnvironmentRecord, State
from branch_hub.git_hosts.git_host import HostUnavailable
from branch_hub.moments import age, as_text
from lambda_src.shared.branch_suffix import is_branch_suffix

WARNED_BEFORE: Final = timedelta(days=1)
# The host limits requests: one run reads the age of at most so many branches.
_ASKED_MAX: Final = 100
_FULL: Final = "has none: branches.quota or a quota of the account is full"


class Action(StrEnum):
    """Actions in the order of a plan."""

    DESTROY = "destroy"
    CREATE = "create"
    WARN = "warn"
    LEAVE = "leave"


@dataclass(frozen=True, kw_only=True)
class Step:
    """`event` is put on the bus to carry out the step."""

    action: Action
    suffix: str
    branch: str | None
    reason: str
    age_days: int | None
    expires_at: datetime | None = None
    event: Reason | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "action": self.action.value,
            "suffix": self.suffix,
            "branch": self.branch,
            "reason": self.reason,
            "age_days": self.age_days,
            "expires_at": as_text(self.expires_at) if self.expires_at else None,
        }


class Planner:
    """Plans one run. `is_running` checks the holder of a record's lock, `last_commit_at` reads a
    branch's age, `room` is the number of environments that the quotas still allow."""

    def __init__(
        self,
        *,
        policy: BranchPolicy,
        lifetime: timedelta,
        now: datetime,
        room: int,
        counted: set[str],
        is_running: Callable[[EnvironmentRecord], bool],
        last_commit_at: Callable[[str], datetime],
    ) -> None:
        self._policy = policy
        self._lifetime = lifetime
        self._now = now
        self._room = room
        self._counted = counted
        self._is_running = is_running
        self._last_commit_at = last_commit_at
        self._asked = 0

    def plan(self, statuses: Iterable[EnvironmentStatus]) -> list[Step]:
        """Return the steps in the order of Action, then of suffix."""
        order = list(Action)
        steps = [self._judge(status) for status in statuses]
        return sorted(steps, key=lambda step: (order.index(step.action), step.suffix))

    def _judge(self, status: EnvironmentStatus) -> Step:
        try:
            untouchable = self._why_untouchable(status)
            if untouchable is not None:
                return self._step(status, Action.LEAVE, untouchable)
            return self._judge_ephemeral(status)
        except (HostUnavailable, BotoCoreError, ClientError) as error:
            # An environment that cannot be checked does not stop the others.
            return self._step(status, Action.LEAVE, f"could not be checked: {error}")

    def _why_untouchable(self, status: EnvironmentStatus) -> str | None:
        environment, record = status.environment, status.record
        reasons = (
            (not is_branch_suffix(status.suffix), "its suffix was given by hand"),
            (self._is_protected(status), "protected"),
            # One of the stacks is not ours: a person must decide.
            (bool(environment.foreign_stacks), "; ".join(environment.foreign_stacks)),
            (
                any(stack.is_termination_protected for stack in environment.stacks),
                "termination protection",
            ),
            (any(stack.is_in_progress for stack in environment.stacks), "a stack is in progress"),
        )
        for applies, reason in reasons:
            if applies:
                return reason
        if record is not None and record.lock is not None and self._is_running(record):
            return f"is being {record.lock.purpose.doing}"
        return None

    def _is_protected(self, status: EnvironmentStatus) -> bool:
        if self._policy.protects_suffix(status.suffix):
            return True
        branches = (status.branch, status.environment.branch)
        return any(self._policy.protects(branch) for branch in branches if branch is not None)

    def _judge_ephemeral(self, status: EnvironmentStatus) -> Step:
        environment, record = status.environment, status.record
        if environment.is_half_deleted:
            return self._destroy(status, Reason.ORPHANED, "half deleted")
        if status.is_live:
            if environment.stacks:
                return self._judge_expiry(status)
            return self._judge_missing(status)
        if record is not None and record.state is State.EXPIRED and not environment.stacks:
            return self._step(status, Action.LEAVE, "is deleted; its record expires")
        return self._destroy(status, Reason.ORPHANED, "its branch is gone")

    def _judge_expiry(self, status: EnvironmentStatus) -> Step:
        expires_at = self._expires_at(status)
        left = expires_at - self._now
        if left <= timedelta(0):
            reason = f"expired {age(expires_at, self._now)} ago"
            return self._destroy(status, Reason.EXPIRED, reason)
        reason = f"expires in {age(self._now, expires_at)}"
        if left > WARNED_BEFORE:
            return self._step(status, Action.LEAVE, reason)
        if status.record is not None and status.record.warned_at is not None:
            return self._step(status, Action.LEAVE, f"{reason}, warned")
        return self._step(status, Action.WARN, reason)

    def _judge_missing(self, status: EnvironmentStatus) -> Step:
        record = status.record
        if record is not None and record.state is State.EXPIRED:
            return self._step(status, Action.LEAVE, "expired: a push creates it again")
        if record is not None and record.state is State.FAILED:
            reason = f"could not be created: {record.cause or 'unknown'}; a push tries again"
            return self._step(status, Action.LEAVE, reason)
        is_counted = status.suffix in self._counted
        if not is_counted and self._room <= 0:
            return self._step(status, Action.LEAVE, _FULL)
        is_fresh = self._is_fresh(status)
        if not is_fresh:
            reason = (
                "has none: its last commit is older than the lifetime of an environment"
                if is_fresh is False
                else f"has none: the ages of {_ASKED_MAX} others were read; a push creates it"
            )
            return self._step(status, Action.LEAVE, reason)
        if not is_counted:
            self._room -= 1
        return self._step(status, Action.CREATE, "has none", event=Reason.PUSHED)

    def _is_fresh(self, status: EnvironmentStatus) -> bool | None:
        """Whether an environment created at the last push would not have expired. None: unknown."""
        if status.record is not None and status.record.expires_at is not None:
            return status.record.expires_at > self._now
        if self._asked == _ASKED_MAX:
            return None
        self._asked += 1
        assert status.branch is not None, "a live branch has a name"
        return self._last_commit_at(status.branch) + self._lifetime > self._now

    def _expires_at(self, status: EnvironmentStatus) -> datetime:
        if status.record is not None and status.record.expires_at is not None:
            return status.record.expires_at
        changed_at = status.environment.changed_at
        assert changed_at is not None, "only asked of an environment that has stacks"
        return changed_at + self._lifetime

    def _destroy(self, status: EnvironmentStatus, event: Reason, reason: str) -> Step:
        return self._step(status, Action.DESTROY, reason, event=event)

    def _step(
        self, status: EnvironmentStatus, action: Action, reason: str, *, event: Reason | None = None
    ) -> Step:
        since = status.since
        has_stacks = bool(status.environment.stacks)
        return Step(
            action=action,
            suffix=status.suffix,
            branch=status.branch,
            reason=reason,
            age_days=None if since is None else (self._now - since).days,
            expires_at=self._expires_at(status) if action is Action.WARN and has_stacks else None,
            event=event,
        )
