"""Compares live branches with deployed stacks and the registry; returns or applies a plan."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from branch_hub.functions.reconciler.apply import Applier
from branch_hub.functions.reconciler.plan import Planner
from branch_hub.functions.reconciler.survey import survey
from branch_hub.functions.shared.lifecycle_context import LifecycleContext
from branch_hub.functions.shared.records import EnvironmentRecord

logger = logging.getLogger(__name__)


class InvalidRequest(ValueError):
    """`apply` is neither true nor false: deletions are never guessed."""


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    context: LifecycleContext
    applier: Applier

    def run(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises InvalidRequest, and HostUnavailable: then there is no plan."""
        apply = request.get("apply")
        if not isinstance(apply, bool):
            raise InvalidRequest(f"apply is {apply!r}: true or false is needed")
        hub = self.context
        statuses = survey(host=hub.host, stacks=hub.stacks, registry=hub.registry)
        counted = hub.quota.members()
        capacity = hub.capacity()
        planner = Planner(
            policy=hub.policy,
            lifetime=hub.lifetime,
            now=hub.now(),
            room=min(hub.quota.limit, capacity.at_most) - len(counted),
            counted=counted,
            is_running=self._is_running,
            last_commit_at=hub.host.last_commit_at,
        )
        steps = planner.plan(statuses)
        plan = [self.applier.carry_out(s) if apply else s.to_json() for s in steps]
        for step in plan:
            if step["action"] != "leave":
                logger.info("reconciled" if apply else "would reconcile", extra={"step": step})
        return {"plan": plan, "applied": apply}

    def _is_running(self, record: EnvironmentRecord) -> bool:
        assert record.lock is not None, "called for locked records"
        return self.context.executions.is_running(
            record.lock.holder, since=record.lock.taken_at, now=self.context.now()
        )
