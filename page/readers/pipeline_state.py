"""Where the runs of a pipeline are: for each stage the run that came there last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from page.account import Account
from page.cards import Subject
from page.readers.runs import pipeline_missing


@dataclass(frozen=True, kw_only=True)
class ActionState:
    name: str
    state: str
    since: datetime | None
    error: str


@dataclass(frozen=True, kw_only=True)
class StageState:
    name: str
    state: str
    execution: str  # empty: no run came here yet
    waits_for: str  # the run that waits before this stage
    actions: Sequence[ActionState]


def pipeline_state(account: Account, subject: Subject) -> list[StageState]:
    """Raises NotThere if there is no such pipeline."""
    name = subject["pipeline"]
    with pipeline_missing(name):
        states = account.codepipeline.get_pipeline_state(name=name)["stageStates"]
    return [_stage(state) for state in states]


def _stage(state: Any) -> StageState:
    latest = state.get("latestExecution", {})
    waiting = state.get("inboundExecution", {})
    return StageState(
        name=state["stageName"],
        state=latest.get("status", "Waiting"),
        execution=latest.get("pipelineExecutionId", ""),
        waits_for=waiting.get("pipelineExecutionId", ""),
        actions=[_action(action) for action in state.get("actionStates", [])],
    )


def _action(state: Any) -> ActionState:
    latest = state.get("latestExecution", {})
    return ActionState(
        name=state["actionName"],
        state=latest.get("status", "Waiting"),
        since=latest.get("lastStatusChange"),
        error=latest.get("errorDetails", {}).get("message", ""),
    )
