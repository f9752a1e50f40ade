"""Runs one definition stage by stage, to its end, a failure or a new definition."""

import concurrent.futures
import time
import traceback
from collections.abc import Mapping
from typing import Protocol

from local_cloud.pipeline.actions import ActionFailed, ActionRun, ActionStopped, Handler, Run
from local_cloud.pipeline.approval import approve
from local_cloud.pipeline.build import build
from local_cloud.pipeline.cloudformation import deploy
from local_cloud.pipeline.definition import Action, Definition, DefinitionError, load_definition
from local_cloud.pipeline.results import ActionResult
from local_cloud.pipeline.source import fetch_codecommit, fetch_connection
from local_cloud.pipeline.variables import UnknownVariable

HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("Source", "CodeCommit"): fetch_codecommit,
    ("Source", "CodeStarSourceConnection"): fetch_connection,
    ("Build", "CodeBuild"): build,
    ("Test", "CodeBuild"): build,
    ("Deploy", "CloudFormation"): deploy,
    ("Approval", "Manual"): approve,
}


class DefinitionChanged(Exception):
    """The deployed definition is no longer the one that runs."""


class StageFailed(Exception):
    """An action failed; nothing after it was started."""


class Listener(Protocol):
    """Shows the run. Called from several threads."""

    def action_started(self, stage: str, action: str) -> None: ...

    def action_ended(self, result: ActionResult) -> None: ...


class Attempt:
    """Runs `run.definition` once. `results` grows meanwhile."""

    def __init__(self, run: Run, listener: Listener) -> None:
        self._run = run
        self._listener = listener
        self.results: list[ActionResult] = []

    def follow(self) -> None:
        """Raises StageFailed, DefinitionChanged, ActionStopped or DefinitionError."""
        workers = self._run.context.parallel_actions_max
        for stage in self._run.definition.stages:
            for batch in stage.batches():
                # A retry skips the actions that have succeeded.
                left = [a for a in batch if not self._run.execution.has_succeeded(a)]
                with concurrent.futures.ThreadPoolExecutor(workers) as pool:
                    results = list(pool.map(self._run_action, left))
                if any(result.state == "Stopped" for result in results):
                    raise ActionStopped
                if failed := [result for result in results if result.state == "Failed"]:
                    first = failed[0]
                    raise StageFailed(f"{first.stage}/{first.name}: {first.reason}")
                self._check_definition()

    def _check_definition(self) -> None:
        followed = self._run.definition
        if load_definition(self._run.context.state_dir, followed.name).text != followed.text:
            raise DefinitionChanged

    def _run_action(self, action: Action) -> ActionResult:
        execution = self._run.execution
        log = execution.log_file(action)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        started = time.monotonic()
        execution.action_started(action)
        self._listener.action_started(action.stage, action.name)
        outputs: dict[str, str] = {}
        state, reason = self._outcome(
            ActionRun(run=self._run, action=action, log_file=log), outputs
        )
        result = ActionResult(
            stage=action.stage,
            name=action.name,
            state=state,
            seconds=time.monotonic() - started,
            reason=reason,
            log_file=log,
        )
        self.results.append(result)
        execution.action_ended(action, state=state, reason=reason, outputs=outputs)
        self._listener.action_ended(result)
        return result

    def _outcome(self, run: ActionRun, outputs: dict[str, str]) -> tuple[str, str]:
        if self._run.stop.is_set():
            return "Stopped", ""
        try:
            outputs.update(HANDLERS[run.action.category, run.action.provider](run))
        except ActionStopped:
            return "Stopped", ""
        except (ActionFailed, UnknownVariable) as error:
            run.log(f"failed: {error}")
            return "Failed", str(error)
        except Exception as error:  # noqa: BLE001 - an action's boundary: its log has the traceback
            run.log(traceback.format_exc())
            return "Failed", f"{type(error).__name__}: {error}"
        if run.action.namespace:
            self._run.variables.set(run.action.namespace, outputs)
        return "Succeeded", ""


def check_providers(definition: Definition) -> None:
    """Raises DefinitionError for an action that the local cloud cannot run, before any starts."""
    for action in definition.actions:
        if (action.category, action.provider) not in HANDLERS:
            known = ", ".join(f"{category}/{provider}" for category, provider in HANDLERS)
            raise DefinitionError(
                f"{action.stage}/{action.name}: the local cloud cannot run "
                f"{action.category}/{action.provider} actions; it knows {known}"
            )
