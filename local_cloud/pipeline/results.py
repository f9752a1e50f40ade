"""The result of a run and of its actions."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ActionResult:
    """One action that was started. `state` is Succeeded, Failed or Stopped."""

    stage: str
    name: str
    state: str
    seconds: float
    reason: str
    log_file: Path


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """`status` is Succeeded, Failed, Stopped or Superseded; `actions` in the order they ended.

    `reason` is one line, empty on success. `restarts` counts how often the pipeline changed itself.
    """

    pipeline: str
    execution_id: str
    status: str
    reason: str
    seconds: float
    restarts: int
    actions: tuple[ActionResult, ...]
    folder: Path

    @property
    def succeeded(self) -> bool:
        return self.status == "Succeeded"

    @property
    def failed_actions(self) -> tuple[ActionResult, ...]:
        return tuple(action for action in self.actions if action.state == "Failed")
