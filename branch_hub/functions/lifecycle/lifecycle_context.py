"""Objects shared by all steps of the lifecycle; owner and lock of an environment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from branch_hub.functions.shared.executions import Executions
from branch_hub.functions.shared.policy import BranchPolicy
from branch_hub.functions.shared.quota import Quota
from branch_hub.functions.shared.records import EnvironmentRecord, Lock, Purpose, State
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.stacks import Environment, StackFinder
from branch_hub.git_hosts.git_host import GitHost

_ENDED_SILENTLY = "its execution ended without a result"


@dataclass(frozen=True, kw_only=True)
class LifecycleContext:
    """`now` gives the time in UTC."""

    repository: str
    host: GitHost
    policy: BranchPolicy
    registry: Registry
    quota: Quota
    executions: Executions
    stacks: StackFinder
    lifetime: timedelta
    now: Callable[[], datetime]

    def lock_of_another(self, record: EnvironmentRecord | None, execution: str) -> Lock | None:
        """Return the lock that blocks `execution`. Releases the lock of a finished execution."""
        lock = record.lock if record is not None else None
        if record is None or lock is None or lock.holder == execution:
            return None
        if self.executions.is_running(lock.holder, since=lock.taken_at, now=self.now()):
            return lock
        was_created = lock.purpose is Purpose.CREATE
        self.registry.release(
            record.suffix,
            holder=lock.holder,
            state=State.FAILED if was_created else State.DESTROY_FAILED,
            cause=_ENDED_SILENTLY,
        )
        return None

    def owner(self, environment: Environment, record: EnvironmentRecord | None) -> str | None:
        """Return the branch that owns the environment; None if there is none or it is unknown.

        Of two branches with one suffix the first is the owner. Only the owner gets an environment,
        which is deleted only after the owner is deleted.
        """
        if self.policy.protects_suffix(environment.suffix):
            return self.policy.trunk
        return (record.branch if record is not None else None) or environment.branch


def holds(record: EnvironmentRecord | None, execution: str) -> bool:
    return record is not None and record.lock is not None and record.lock.holder == execution
