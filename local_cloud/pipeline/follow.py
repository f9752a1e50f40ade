"""Shows a run of another process, from its record."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_cloud.pipeline.executions import execution_state, has_ended, pipeline_folder
from local_cloud.pipeline.live_table import Outline
from local_cloud.pipeline.log_lines import current_activity
from local_cloud.pipeline.progress import Progress
from local_cloud.pipeline.results import ActionResult, RunResult

_POLL_SECONDS = 0.2
_WRITTEN_WITHIN_SECONDS = 15.0  # the process of the run has to start first
_PATIENCE_SECONDS = 1.0  # a run that has not begun by then waits for another run
_BUILDS = "CodeBuild"


class RunVanished(Exception):
    """The pipeline was deleted, and the run with it."""


def follow_run(
    state_dir: Path,
    pipeline: str,
    execution_id: str,
    progress: Progress,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> RunResult:
    """Show the run to its end and return how it ended. Raises RunVanished."""
    follower = _Follower(progress)
    until_written = time.monotonic() + _WRITTEN_WITHIN_SECONDS
    while True:
        state = execution_state(state_dir, pipeline, execution_id)
        if state is None and time.monotonic() < until_written:
            sleep(_POLL_SECONDS)
            continue
        if state is None:
            raise RunVanished(f"pipeline {pipeline} was deleted, and this run ended with it")
        until_written = 0.0
        follower.show(state)
        if has_ended(state["status"]):
            result = _result(state, pipeline_folder(state_dir, pipeline))
            progress.finished(result)
            return result
        sleep(_POLL_SECONDS)


class _Follower:
    """Computes what has happened from successive states of a run."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._attempt = 0
        self._announced = 0
        self._seen: dict[tuple[str, str], str] = {}
        self._is_waiting_shown = False

    def show(self, state: dict[str, Any]) -> None:
        if state["attempt"] == 0:
            is_late = time.time() - state["started"] > _PATIENCE_SECONDS
            if is_late and not self._is_waiting_shown:
                self._is_waiting_shown = True
                self._progress.waiting()
            return
        if state["attempt"] != self._attempt:
            if self._attempt:
                self._progress.restarted()
            self._attempt = state["attempt"]
            self._seen = {}
            self._progress.began(_outline(state))
        for stage in state["stages"]:
            for action in stage["actions"]:
                self._show_action(stage["name"], action)
        for text in state["announced"][self._announced :]:
            self._progress.announce(text)
        self._announced = len(state["announced"])

    def _show_action(self, stage: str, action: dict[str, Any]) -> None:
        name = action["name"]
        before, now = self._seen.get((stage, name), "Waiting"), action["state"]
        self._seen[stage, name] = now
        if before == "Waiting" != now:
            is_build = action["provider"] == _BUILDS
            log = Path(action["log"]) if is_build and action["log"] else None
            self._progress.action_started(stage, name, log=log)
        if now == "InProgress":
            self._progress.action_does(stage, name, current_activity(Path(action["log"])))
        elif now != before:
            self._progress.action_ended(_action(stage, action))


def _outline(state: dict[str, Any]) -> Outline:
    return Outline(
        name=state["pipeline"],
        stages=tuple((s["name"], tuple(a["name"] for a in s["actions"])) for s in state["stages"]),
    )


def _action(stage: str, action: dict[str, Any]) -> ActionResult:
    started = action["started"] or 0.0
    return ActionResult(
        stage=stage,
        name=action["name"],
        state=action["state"],
        seconds=(action["ended"] or started) - started,
        reason=action["reason"],
        log_file=Path(action["log"] or ""),
    )


def _result(state: dict[str, Any], folder: Path) -> RunResult:
    attempts = [*state["restarts"], {"stages": state["stages"]}]
    actions = [
        (action["ended"] or 0.0, _action(stage["name"], action))
        for attempt in attempts
        for stage in attempt["stages"]
        for action in stage["actions"]
        if action["started"] is not None
    ]
    return RunResult(
        pipeline=state["pipeline"],
        execution_id=state["id"],
        status=state["status"],
        reason=state["reason"],
        seconds=(state["ended"] or time.time()) - state["started"],
        restarts=len(state["restarts"]),
        actions=tuple(action for _, action in sorted(actions, key=lambda pair: pair[0])),
        folder=folder / "executions" / state["id"],
    )
