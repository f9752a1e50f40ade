"""Compares live branches with deployed stacks and the registry; returns or applies a plan."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from branch_hub.functions.reconciler.apply import Applier
from branch_hub.functions.reconciler.plan import Planner
from branch_hub.functions.reconciler.survey import survey
from branch_hub.functions.shared.executions import Executions
from branch_hub.functions.shared.policy import BranchPolicy
from branch_hub.functions.shared.quota import Quota
from branch_hub.functions.shared.records import EnvironmentRecord
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.stacks import StackFinder
from branch_hub.git_hosts.git_host import GitHost

logger = logging.getLogger(__name__)


class InvalidRequest(ValueError):
    """`apply` is neither true nor false: deletions are never guessed."""


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """`now` gives the time in UTC."""

    host: GitHost
    policy: BranchPolicy
    registry: Registry
    quota: Quota
    executions: Executions
    stacks: StackFinder
    lifetime: timedelta
    applier: Applier
    now: Callable[[], datetime]

    def run(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises InvalidRequest, and HostUnavailable: then there is no plan."""
        apply = request.get("apply")
        if not isinstance(apply, bool):
            raise InvalidRequest(f"apply is {apply!r}: true or false is needed")
        statuses = survey(host=self.host, stacks=self.stacks, registry=self.registry)
        counted = self.quota.members()
        planner = Planner(
            policy=self.policy,
            lifetime=self.lifetime,
            now=self.now(),
            room=self.quota.limit - len(counted),
            counted=counted,
            is_running=self._is_running,
            last_commit_at=self.host.last_commit_at,
        )
        steps = planner.plan(statuses)
        plan = [self.applier.carry_out(s) if apply else s.to_json() for s in steps]
        for step in plan:
            if step["action"] != "leave":
                logger.info("reconciled" if apply else "would reconcile", extra={"step": step})
        return {"plan": plan, "applied": apply}

    def _is_running(self, record: EnvironmentRecord) -> bool:
        assert record.lock is not None, "called for locked records"
        lock = record.lock
        return self.executions.is_running(lock.holder, since=lock.taken_at, now=self.now())
