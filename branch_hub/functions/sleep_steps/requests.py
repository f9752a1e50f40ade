"""Dispatches requests of the machines for sleep: one action per request, safe to repeat."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from branch_hub.functions.shared.guard import NotOurs, refuse_unless_ephemeral
from branch_hub.functions.sleep_steps.database import Database
from branch_hub.functions.sleep_steps.progress import Progress
from branch_hub.functions.sleep_steps.service import Service
from branch_hub.functions.sleep_steps.surroundings import Surroundings

Request = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class SleepSteps:
    trunk: str
    surroundings: Surroundings
    service: Service
    database: Database
    now: Callable[[], datetime]

    def carry_out(self, request: Request) -> dict[str, Any]:
        """Raises NotOurs for an environment that is not a branch's, and for an unknown action."""
        suffix = refuse_unless_ephemeral(request.get("suffix"), trunk=self.trunk)
        action = request.get("action")
        if not isinstance(action, str) or action not in ACTIONS:
            raise NotOurs(f"action is {action!r}: it must be one of {', '.join(ACTIONS)}")
        return ACTIONS[action](self, suffix).to_json()


ACTIONS: Final[Mapping[str, Callable[[SleepSteps, str], Progress]]] = {
    "silence": lambda steps, suffix: steps.surroundings.silence(suffix, now=steps.now()),
    "stop_service": lambda steps, suffix: steps.service.stop(suffix),
    "stop_database": lambda steps, suffix: steps.database.stop(suffix),
    "start_database": lambda steps, suffix: steps.database.start(suffix),
    "start_database_to_delete": lambda steps, suffix: steps.database.start_to_delete(suffix),
    "start_service": lambda steps, suffix: steps.service.start(suffix),
    "allow_deployments": lambda steps, suffix: steps.surroundings.allow_deployments(suffix),
    "await_tasks": lambda steps, suffix: steps.service.await_tasks(suffix),
    "resume": lambda steps, suffix: steps.surroundings.resume(suffix),
    "await_alarms": lambda steps, suffix: steps.surroundings.await_alarms(suffix),
    "enable_alarms": lambda steps, suffix: steps.surroundings.enable_alarms(suffix),
}
