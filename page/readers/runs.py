"""The runs of a pipeline: which there were, and the stages and actions of one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from page.account import Account
from page.cards import NotThere

_SHOWN_MAX: Final = 20
_DEFINITION_SECONDS: Final = 30
_UNFINISHED: Final = {"InProgress", "Stopping"}


@dataclass(frozen=True, kw_only=True)
class Run:
    pipeline: str
    id: str
    state: str
    commit: str
    message: str
    trigger: str
    reason: str
    started: datetime | None
    ended: datetime | None

    @property
    def is_live(self) -> bool:
        return self.state in _UNFINISHED

    @property
    def seconds(self) -> float | None:
        return _between(self.started, self.ended)


@dataclass(frozen=True, kw_only=True)
class Action:
    stage: str
    name: str
    provider: str
    state: str  # of CodePipeline, or `Waiting`
    started: datetime | None = None
    ended: datetime | None = None
    error: str = ""
    external_id: str = ""  # of a build: its id
    external_url: str = ""  # where its own service shows it
    stack: str = ""  # that it deploys

    @property
    def key(self) -> str:
        return f"{self.stage}.{self.name}"

    @property
    def seconds(self) -> float | None:
        return _between(self.started, self.ended)

    @property
    def waits_for_approval(self) -> bool:
        return self.provider == "Manual" and self.state == "InProgress"


@dataclass(frozen=True, kw_only=True)
class Stage:
    name: str
    actions: Sequence[Action]

    @property
    def state(self) -> str:
        """The worst of its actions; `Waiting` before the first begins."""
        states = {action.state for action in self.actions}
        for worst in ("Failed", "Abandoned", "InProgress"):
            if worst in states:
                return worst
        if states == {"Succeeded"}:
            return "Succeeded"
        return "InProgress" if "Succeeded" in states else "Waiting"

    @property
    def seconds(self) -> float | None:
        started = [a.started for a in self.actions if a.started]
        if not started:
            return None
        ended = [a.ended for a in self.actions if a.ended]
        over = len(ended) == len(started)
        return _between(min(started), max(ended) if over else None)


@contextmanager
def pipeline_missing(pipeline: str) -> Iterator[None]:
    """Raises NotThere where CodePipeline says that there is no such pipeline."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "PipelineNotFoundException":
            raise
        raise NotThere(f"There is no pipeline {pipeline}: was its branch deleted?") from error


def runs_of(account: Account, pipeline: str) -> list[Run]:
    """The newest runs, newest first. Raises NotThere if there is no such pipeline."""
    return account.remember(("runs", pipeline), lambda: _runs_of(account, pipeline))


def run_of(account: Account, pipeline: str, execution: str) -> Run:
    """Raises NotThere."""
    for run in runs_of(account, pipeline):
        if run.id == execution:
            return run
    raise NotThere(f"Pipeline {pipeline} has no run {execution} among its newest {_SHOWN_MAX}.")


def stages_of(account: Account, pipeline: str, execution: str) -> list[Stage]:
    """All stages as the pipeline has them now, also those that have not begun."""
    return account.remember(
        ("stages", pipeline, execution), lambda: _stages_of(account, pipeline, execution)
    )


def _runs_of(account: Account, pipeline: str) -> list[Run]:
    with pipeline_missing(pipeline):
        answer = account.codepipeline.list_pipeline_executions(
            pipelineName=pipeline, maxResults=_SHOWN_MAX
        )
    return [_run(pipeline, summary) for summary in answer["pipelineExecutionSummaries"]]


def _run(pipeline: str, summary: Any) -> Run:
    state = summary["status"]
    source: Mapping[str, str] = next(iter(summary.get("sourceRevisions", [])), {})
    return Run(
        pipeline=pipeline,
        id=summary["pipelineExecutionId"],
        state=state,
        commit=source.get("revisionId", ""),
        message=source.get("revisionSummary", ""),
        trigger=summary.get("trigger", {}).get("triggerType", ""),
        reason=summary.get("statusSummary", ""),
        started=summary.get("startTime"),
        ended=None if state in _UNFINISHED else summary.get("lastUpdateTime"),
    )


def _stages_of(account: Account, pipeline: str, execution: str) -> list[Stage]:
    started: dict[tuple[str, str], Action] = {}
    pages = account.codepipeline.get_paginator("list_action_executions").paginate(
        pipelineName=pipeline, filter={"pipelineExecutionId": execution}
    )
    for page in pages:
        for detail in page["actionExecutionDetails"]:
            action = _action(detail)
            # Newest first: of an action that was retried, the last attempt counts.
            started.setdefault((action.stage, action.name), action)
    declared = account.remember(
        ("definition", pipeline),
        lambda: account.codepipeline.get_pipeline(name=pipeline)["pipeline"],
        seconds=_DEFINITION_SECONDS,
    )
    stages = []
    for stage in declared["stages"]:
        waiting = {
            (stage["name"], action["name"]): Action(
                stage=stage["name"],
                name=action["name"],
                provider=action["actionTypeId"]["provider"],
                state="Waiting",
            )
            for action in sorted(stage["actions"], key=lambda a: a.get("runOrder", 1))
        }
        actions = [started.pop(key, action) for key, action in waiting.items()]
        stages.append(Stage(name=stage["name"], actions=actions))
    # Of stages and actions that the pipeline no longer has.
    gone: dict[str, list[Action]] = {}
    for action in reversed(started.values()):
        gone.setdefault(action.stage, []).append(action)
    return stages + [Stage(name=name, actions=actions) for name, actions in gone.items()]


def _action(detail: Any) -> Action:
    state = detail["status"]
    result: Mapping[str, Any] = detail.get("output", {}).get("executionResult", {})
    given = detail.get("input", {})
    failure = result.get("errorDetails", {}).get("message", "")
    return Action(
        stage=detail["stageName"],
        name=detail["actionName"],
        provider=given.get("actionTypeId", {}).get("provider", ""),
        state=state,
        started=detail.get("startTime"),
        ended=None if state == "InProgress" else detail.get("lastUpdateTime"),
        error=failure or (result.get("externalExecutionSummary", "") if state == "Failed" else ""),
        external_id=result.get("externalExecutionId", ""),
        external_url=result.get("externalExecutionUrl", ""),
        stack=given.get("resolvedConfiguration", given.get("configuration", {})).get(
            "StackName", ""
        ),
    )


def _between(started: datetime | None, ended: datetime | None) -> float | None:
    if started is None:
        return None
    return ((ended or datetime.now(UTC)) - started).total_seconds()
