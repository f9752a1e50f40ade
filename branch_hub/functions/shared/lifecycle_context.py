"""Objects that lifecycle and reconciler share; owner and lock of an environment."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Self

import boto3
from botocore.config import Config

from branch_hub.functions.shared.account_room import AccountSurvey, Capacity
from branch_hub.functions.shared.drills import Drills
from branch_hub.functions.shared.executions import Executions
from branch_hub.functions.shared.lifecycle_settings import NO_SCHEDULE, BranchLifecycleSettings
from branch_hub.functions.shared.pipeline_runs import PipelineRuns
from branch_hub.functions.shared.policy import BranchPolicy
from branch_hub.functions.shared.quota import Quota
from branch_hub.functions.shared.records import EnvironmentRecord, Lock, Purpose, State
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.secret import HubSecret
from branch_hub.functions.shared.stacks import Environment, StackFinder
from branch_hub.git_hosts.choice import connect_host
from branch_hub.git_hosts.git_host import GitHost

logger = logging.getLogger(__name__)

_ENDED_SILENTLY = "its execution ended without a result"
_AFTER_A_SILENT_END = {
    Purpose.CREATE: State.FAILED,
    Purpose.DESTROY: State.DESTROY_FAILED,
    # It exists, asleep or awake, and its record says which.
    Purpose.SLEEP: State.LIVE,
    Purpose.WAKE: State.LIVE,
}
# Short: a branch must not wait for an API that does not answer.
_QUOTA_CALLS = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
)


@dataclass(frozen=True, kw_only=True)
class LifecycleContext:
    """`now` gives the time in UTC."""

    repository: str
    host: GitHost
    policy: BranchPolicy
    registry: Registry
    quota: Quota
    account: AccountSurvey
    executions: Executions
    stacks: StackFinder
    runs: PipelineRuns
    drills: Drills
    lifetime: timedelta
    now: Callable[[], datetime]
    sleeps_until: str | None = None  # for people; None: there is no schedule

    @classmethod
    def connect(cls, settings: BranchLifecycleSettings, *, aws: Config) -> Self:
        """Create the clients that `settings` name, with the timeouts of `aws`."""
        client = partial(boto3.client, config=aws)
        table = boto3.resource("dynamodb", config=aws).Table(settings.branch_table_name)
        secret = HubSecret(
            secrets_manager=client("secretsmanager"),
            secret_arn=settings.hub_secret_arn,
            clock=time.monotonic,
        )
        return cls(
            repository=settings.repository,
            host=connect_host(
                settings.git_host,
                repository=settings.repository,
                secret=secret.value,
                client=client,
            ),
            policy=BranchPolicy.parse(trunk=settings.trunk, protected=settings.protected_branches),
            registry=Registry(table=table),
            quota=Quota(table=table, limit=settings.environment_quota),
            account=AccountSurvey.parse(
                needed=settings.branch_needs,
                trunk=settings.trunk_needs,
                client=cache(partial(boto3.client, config=_QUOTA_CALLS)),
            ),
            executions=Executions(stepfunctions=client("stepfunctions")),
            stacks=StackFinder(
                cloudformation=client("cloudformation"), repository=settings.repository
            ),
            drills=Drills(fis=client("fis")),
            runs=PipelineRuns(codepipeline=client("codepipeline")),
            lifetime=timedelta(days=settings.lifetime_days),
            sleeps_until=(None if settings.sleeps_until == NO_SCHEDULE else settings.sleeps_until),
            now=partial(datetime.now, UTC),
        )

    def lock_of_another(self, record: EnvironmentRecord | None, execution: str) -> Lock | None:
        """Return the lock that blocks `execution`. Releases the lock of a finished execution."""
        lock = record.lock if record is not None else None
        if record is None or lock is None or lock.holder == execution:
            return None
        if self.executions.is_running(lock.holder, since=lock.taken_at, now=self.now()):
            return lock
        self.registry.release(
            record.suffix,
            holder=lock.holder,
            state=_AFTER_A_SILENT_END[lock.purpose],
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

    def capacity(self, *, suffix: str | None = None) -> Capacity:
        """What the account's quotas allow beside the admitted environments. `suffix` asks."""
        counted = self.quota.members() - {suffix}
        protected = self._protected_in_creation() - {suffix}
        ours = counted | protected | ({suffix} if suffix is not None else set())
        room = self.account.room(ours=ours, now=self.now())
        if room.unchecked:
            logger.warning("quotas were not checked", extra={"quotas": [*room.unchecked]})
        return Capacity(counted=len(counted), protected=len(protected), room=room)

    def _protected_in_creation(self) -> set[str]:
        """They need no place in the quota. Until their resources exist, only the registry knows
        them."""
        return {
            record.suffix
            for record in self.registry.all()
            if record.state is State.CREATING
            and record.branch not in (None, self.policy.trunk)
            and self.policy.protects(str(record.branch))
        }


def holds(record: EnvironmentRecord | None, execution: str) -> bool:
    return record is not None and record.lock is not None and record.lock.holder == execution
