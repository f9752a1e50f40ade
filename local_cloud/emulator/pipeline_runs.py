"""The runs of all pipelines: starts and stops a process for each, and publishes their events."""

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from local_cloud.emulator.pipeline_events import Publish, RunEvents
from local_cloud.git_host import head_of
from local_cloud.paths import ROOT, STATE_MARK, CloudPaths
from local_cloud.pipeline.definition import Definition, load_definition
from local_cloud.pipeline.executions import (
    execution_state,
    execution_states,
    pipeline_folder,
    write_stop_reason,
)
from local_cloud.pipeline.turns import announce

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.3
_STOP_SECONDS = 40.0


class NotRunning(Exception):
    """The execution cannot be stopped or retried as it is."""


@dataclass(kw_only=True)
class _Run:
    pipeline: str
    id: str
    process: "subprocess.Popen[bytes]"
    events: RunEvents
    is_retry: bool = False
    is_stopping: bool = False
    ended: threading.Event = field(default_factory=threading.Event)


class PipelineRuns:
    """All methods are thread-safe; an unknown pipeline raises DefinitionError."""

    def __init__(self, *, paths: CloudPaths, endpoint_url: str, publish: Publish) -> None:
        self._paths = paths
        self._endpoint_url = endpoint_url
        self._publish = publish
        self._lock = threading.RLock()
        self._runs: dict[str, _Run] = {}
        self._triggers: dict[str, str] = {}
        self._wake = threading.Event()
        self._is_closed = False
        self._thread = threading.Thread(target=self._watch, name="pipeline-runs", daemon=True)
        self._thread.start()

    # -- starting runs ----------------------------------------------------------------------------

    def created(self, name: str) -> None:
        """A new pipeline starts one run by itself."""
        self.start(name, trigger="CreatePipeline")

    def updated(self, name: str) -> None:
        """RestartExecutionOnUpdate; a run in progress reads the new definition by itself."""
        if not self.active(name):
            self.start(name, trigger="UpdatePipeline")

    def pushed(self, *, repository: str, branch: str, commit: str) -> list[dict[str, str]]:
        """Start every pipeline that follows `branch`; returns pipeline and execution of each."""
        started = []
        for file in sorted(self._paths.pipelines.glob("[!.]*.json")):
            definition = load_definition(self._paths.state, file.stem)
            if (repository, branch) == followed(definition):
                run = self.start(file.stem, commit=commit, trigger="WebhookV2")
                started.append({"pipeline": file.stem, "execution": run})
        return started

    def start(self, name: str, *, commit: str = "", trigger: str = "StartPipelineExecution") -> str:
        """Start a run of `commit` (default: the newest of its branch); returns its id."""
        repository, branch = followed(load_definition(self._paths.state, name))
        folder = self._paths.git / f"{repository}.git"
        return self._start(
            name,
            branch=branch,
            commit=commit or head_of(folder, branch),
            execution_id=str(uuid.uuid4()),
            trigger=trigger,
        )

    def retry(self, name: str, execution_id: str) -> None:
        """Continue a failed run after its succeeded actions. Raises NotRunning."""
        state = execution_state(self._paths.state, name, execution_id)
        with self._lock:
            before = self._runs.get(execution_id)
        if before is not None and state is not None and state["status"] == "Failed":
            before.ended.wait(_STOP_SECONDS)  # its process is about to end
        if state is None or state["status"] != "Failed" or execution_id in self._runs:
            raise NotRunning(f"execution {execution_id} of {name} has no failed stage to retry")
        for other in execution_states(self._paths.state, name):
            if other["started"] > state["started"] and other["attempt"] > 0:
                raise NotRunning(
                    f"execution {execution_id} of {name} cannot be retried: {other['id']} is newer "
                    "and has begun"
                )
        self._start(
            name,
            branch=state["branch"],
            commit=state["commit"],
            execution_id=execution_id,
            trigger="RetryStageExecution",
        )

    def _start(
        self, name: str, *, branch: str, commit: str, execution_id: str, trigger: str
    ) -> str:
        folder = pipeline_folder(self._paths.state, name)
        log = folder / "executions" / execution_id / "output.log"
        with self._lock:
            if self._is_closed:
                raise NotRunning("the local cloud is stopping")
            log.parent.mkdir(parents=True, exist_ok=True)
            announce(folder, execution_id)
            with log.open("ab") as output:
                process = subprocess.Popen(
                    [
                        sys.executable, "-m", "local_cloud.pipeline",
                        "--state", str(self._paths.state), "--endpoint-url", self._endpoint_url,
                        "--name", name, "--branch", branch, "--commit", commit,
                        "--execution-id", execution_id, "--started", str(time.time()),
                    ],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    env={**os.environ, STATE_MARK: str(self._paths.state)},
                )  # fmt: skip
            self._triggers[execution_id] = trigger
            self._runs[execution_id] = _Run(
                pipeline=name,
                id=execution_id,
                process=process,
                is_retry=trigger == "RetryStageExecution",
                events=RunEvents(
                    name,
                    execution_id,
                    publish=self._publish,
                    retried=trigger == "RetryStageExecution",
                ),
            )
        self._wake.set()
        return execution_id

    # -- stopping runs ----------------------------------------------------------------------------

    def stop(self, name: str, execution_id: str, *, abandon: bool, reason: str = "") -> None:
        """Ask the run to end its actions, or (`abandon`) kill it. Raises NotRunning.

        Commands that follow the run show `reason`.
        """
        with self._lock:
            run = self._runs.get(execution_id)
            if run is None or run.pipeline != name:
                raise NotRunning(f"execution {execution_id} of {name} is not in progress")
            run.is_stopping = True
            write_stop_reason(self._paths.state, name, execution_id, reason)
            _signal(run, signal.SIGKILL if abandon else signal.SIGTERM)

    def deleted(self, name: str) -> None:
        """End the runs of a deleted pipeline, and delete their records."""
        self._end(
            [run for run in self._all() if run.pipeline == name], reason="the pipeline was deleted"
        )
        shutil.rmtree(pipeline_folder(self._paths.state, name), ignore_errors=True)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
        self._end(self._all(), reason="the local cloud was stopped")
        self._wake.set()

    def _end(self, runs: list[_Run], *, reason: str) -> None:
        for run in runs:
            run.is_stopping = True
            write_stop_reason(self._paths.state, run.pipeline, run.id, reason)
            _signal(run, signal.SIGTERM)
        for run in runs:
            if not run.ended.wait(_STOP_SECONDS):
                _signal(run, signal.SIGKILL)
                run.ended.wait(_STOP_SECONDS)

    # -- reading runs -----------------------------------------------------------------------------

    def active(self, name: str) -> list[str]:
        return [run.id for run in self._all() if run.pipeline == name]

    def states(self, name: str) -> list[dict[str, Any]]:
        """The recorded runs of a pipeline, newest first, with their trigger.

        A run that is being stopped is Stopping; a run without a record yet is Queued.
        """
        load_definition(self._paths.state, name)
        active = {run.id: run for run in self._all() if run.pipeline == name}
        found = execution_states(self._paths.state, name)
        known = {state["id"] for state in found}
        unwritten: list[dict[str, Any]] = [
            {"id": id_, "status": "Queued", "started": None, "commit": "", "stages": []}
            for id_ in active
            if id_ not in known
        ]
        states = [*unwritten, *found]
        for state in states:
            run = active.get(state["id"])
            state["trigger"] = self._triggers.get(state["id"], "StartPipelineExecution")
            if run is not None and run.is_stopping:
                state["status"] = "Stopping"
            elif run is not None and run.is_retry and state["status"] == "Failed":
                state["status"] = "InProgress"  # the process is about to record this
        return states

    def _all(self) -> list[_Run]:
        with self._lock:
            return list(self._runs.values())

    def _watch(self) -> None:
        while not (self._is_closed and not self._runs):
            runs = self._all()
            for run in runs:
                try:
                    self._look_at(run)
                except Exception:  # the thread's boundary: one run must not hide the others
                    logger.exception("run %s of %s", run.id, run.pipeline)
            self._wake.wait(_POLL_SECONDS if runs else None)
            self._wake.clear()

    def _look_at(self, run: _Run) -> None:
        is_over = run.process.poll() is not None  # before reading: the last state is not missed
        state = execution_state(self._paths.state, run.pipeline, run.id)
        if state is not None:
            run.events.publish(state, is_stopping=run.is_stopping)
        if is_over:
            with self._lock:
                del self._runs[run.id]
            run.ended.set()


def followed(definition: Definition) -> tuple[str, str]:
    """The repository (without its owner) and the branch that a pipeline's source names."""
    source = next(a for a in definition.actions if a.category == "Source").configuration
    repository = source.get("RepositoryName") or source.get("FullRepositoryId", "")
    return repository.rpartition("/")[2], source.get("BranchName", "")


def _signal(run: _Run, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        run.process.send_signal(number)
