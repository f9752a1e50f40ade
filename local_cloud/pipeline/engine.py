"""Runs a deployed pipeline for one commit, as CodePipeline does."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from local_cloud.aws import AwsClients
from local_cloud.pipeline.actions import ActionStopped, Run
from local_cloud.pipeline.attempt import (
    Attempt,
    DefinitionChanged,
    StageFailed,
    check_providers,
)
from local_cloud.pipeline.context import RunContext
from local_cloud.pipeline.definition import DefinitionError, load_definition
from local_cloud.pipeline.execution import Execution
from local_cloud.pipeline.executions import pipeline_folder, settle_abandoned
from local_cloud.pipeline.progress import Progress, outline_of
from local_cloud.pipeline.results import ActionResult, RunResult
from local_cloud.pipeline.turns import StoppedWaiting, Superseded, announce, turn
from local_cloud.pipeline.variables import Variables

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_pipeline(
    *,
    name: str,
    branch: str,
    commit: str,
    context: RunContext,
    progress: Progress,
    execution_id: str = "",
    started_epoch_seconds: float | None = None,
) -> RunResult:
    """Run pipeline `name` as deployed for `commit` of `branch`; returns how it ended.

    Waits for its turn; a newer waiting run supersedes an older one. When an action changes the
    definition, the run starts again with the new one. SIGINT, SIGTERM and SIGHUP stop it (in the
    main thread), and everything that it started is ended before this returns. An error in a
    definition, build or template does not raise: it is in the result.

    A caller that has announced the run (see `turns`) gives `execution_id` and
    `started_epoch_seconds`. An execution with a record is retried: succeeded actions are skipped.
    """
    engine = _Engine(
        name=name, branch=branch, commit=commit, context=context, progress=progress,
        execution_id=execution_id, started_epoch_seconds=started_epoch_seconds,
    )  # fmt: skip
    with _stopped_by_signals(engine.stop):
        return engine.run()


@dataclass(kw_only=True)
class _Engine:
    name: str
    branch: str
    commit: str
    context: RunContext
    progress: Progress
    execution_id: str
    started_epoch_seconds: float | None
    stop: threading.Event = field(default_factory=threading.Event)
    results: list[ActionResult] = field(default_factory=list)
    restarts: int = 0

    def run(self) -> RunResult:
        started = time.monotonic()
        execution = Execution(
            self.context.state_dir, pipeline=self.name, branch=self.branch, commit=self.commit,
            execution_id=self.execution_id, started_epoch_seconds=self.started_epoch_seconds,
        )  # fmt: skip
        if not self.execution_id:
            announce(pipeline_folder(self.context.state_dir, self.name), execution.id)
        status, reason = "Failed", "the local cloud itself failed"
        try:
            status, reason = self._in_turn(execution)
        finally:
            execution.end(status, reason)
            if status != "Failed":
                execution.clear_artifacts()
            result = RunResult(
                pipeline=self.name,
                execution_id=execution.id,
                status=status,
                reason=reason,
                seconds=time.monotonic() - started,
                restarts=self.restarts,
                actions=tuple(self.results),
                folder=execution.folder,
            )
            self.progress.finished(result)
        return result

    def _in_turn(self, execution: Execution) -> tuple[str, str]:
        folder = pipeline_folder(self.context.state_dir, self.name)
        try:
            with turn(folder, execution.id, stop=self.stop, waiting=self.progress.waiting):
                settle_abandoned(
                    self.context.state_dir, self.name, keep=self.context.executions_kept
                )
                return self._to_the_end(execution)
        except Superseded:
            return "Superseded", "a newer run of this pipeline started while this one waited"
        except (StoppedWaiting, ActionStopped):
            return "Stopped", execution.stop_reason()
        except (StageFailed, DefinitionError) as error:
            return "Failed", str(error)

    def _to_the_end(self, execution: Execution) -> tuple[str, str]:
        clients = self.context.clients or AwsClients(self.context.endpoint_url).client
        while True:
            definition = load_definition(self.context.state_dir, self.name)
            check_providers(definition)
            known: dict[str, dict[str, str]] = {}
            if execution.is_retry:
                known = execution.retry(definition)
            else:
                execution.clear_artifacts()
                execution.begin(definition)
            self.progress.began(outline_of(definition))
            run = Run(
                context=self.context,
                clients=clients,
                definition=definition,
                execution=execution,
                branch=self.branch,
                commit=self.commit,
                variables=Variables(
                    {
                        "codepipeline": {"PipelineExecutionId": execution.id},
                        "variables": definition.variables,
                        **known,
                    }
                ),
                stop=self.stop,
                announce=self._announce(execution),
            )
            attempt = Attempt(run, self.progress)
            try:
                attempt.follow()
            except DefinitionChanged:
                if self.restarts >= self.context.restarts_max:
                    return "Failed", (
                        f"the pipeline changed its own definition {self.restarts + 1} times in one "
                        "run: synthesizing one commit must always give the same template"
                    )
                self.restarts += 1
                self.progress.restarted()
                continue
            finally:
                self.results.extend(attempt.results)
            return "Succeeded", ""

    def _announce(self, execution: Execution) -> Callable[[str], None]:
        def show(text: str) -> None:
            execution.announce(text)
            self.progress.announce(text)

        return show


@contextlib.contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let signals set `stop` instead of raising; only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _STOP_SIGNALS}
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
