"""Dispatches requests of the machines for sleep: one action per request, safe to repeat."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from branch_hub.functions.rest.database import Database
from branch_hub.functions.rest.progress import Progress
from branch_hub.functions.rest.service import Service
from branch_hub.functions.rest.surroundings import Surroundings
from branch_hub.functions.shared.guard import NotOurs, refuse_unless_ephemeral

Request = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Rest:
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


ACTIONS: Final[Mapping[str, Callable[[Rest, str], Progress]]] = {
    "silence": lambda rest, suffix: rest.surroundings.silence(suffix, now=rest.now()),
    "stop_service": lambda rest, suffix: rest.service.stop(suffix),
    "stop_database": lambda rest, suffix: rest.database.stop(suffix),
    "start_database": lambda rest, suffix: rest.database.start(suffix),
    "start_database_to_delete": lambda rest, suffix: rest.database.start_to_delete(suffix),
    "start_service": lambda rest, suffix: rest.service.start(suffix),
    "allow_deployments": lambda rest, suffix: rest.surroundings.allow_deployments(suffix),
    "await_tasks": lambda rest, suffix: rest.service.await_tasks(suffix),
    "resume": lambda rest, suffix: rest.surroundings.resume(suffix),
    "await_alarms": lambda rest, suffix: rest.surroundings.await_alarms(suffix),
    "enable_alarms": lambda rest, suffix: rest.surroundings.enable_alarms(suffix),
}
