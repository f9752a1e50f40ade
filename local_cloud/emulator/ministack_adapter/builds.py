"""Runs the builds of MiniStack's CodeBuild, and keeps their records up to date.

MiniStack records a build as succeeded, or passes it to a Docker agent: here our own runner takes
the place of the agent.
"""

import contextvars
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StartedBuild:
    """A request of StartBuild; `project` is the API's description."""

    id: str
    number: int
    initiator: str
    project: Mapping[str, Any]
    source_version: str
    variables: Sequence[Mapping[str, Any]]  # the overrides: {name, value, type}


@dataclass(frozen=True, kw_only=True)
class EndedBuild:
    """`status` as CodeBuild spells it; `reason` is one line, empty on success."""

    status: str
    reason: str = ""
    commit: str = ""
    log: str = ""
    exported: Mapping[str, str] = field(default_factory=dict)


Execute = Callable[[StartedBuild, threading.Event], EndedBuild]
"""Runs one build to its end; setting the event ends it. Must not raise."""

_overrides: contextvars.ContextVar[Sequence[Mapping[str, Any]]] = contextvars.ContextVar(
    "overrides", default=()
)


def execute_builds(execute: Execute) -> Callable[[], None]:
    """Let StartBuild run builds with `execute`; returns a function that ends all running builds."""
    from ministack.core.responses import json_response  # noqa: PLC0415
    from ministack.services import codebuild  # noqa: PLC0415 - reads the environment when imported

    stops: dict[str, threading.Event] = {}
    threads: list[threading.Thread] = []
    start, stop = codebuild._start_build, codebuild._stop_build

    def start_build(data: dict[str, Any]) -> Any:
        # MiniStack copies the context into the build's thread.
        token = _overrides.set(tuple(data.get("environmentVariablesOverride") or ()))
        try:
            return start(data)
        finally:
            _overrides.reset(token)

    def execute_build(build_id: str, project: Mapping[str, Any]) -> None:
        record = codebuild._builds[build_id]
        event = stops.setdefault(build_id, threading.Event())
        threads.append(threading.current_thread())
        try:
            ended = execute(_started(record, project), event)
        finally:
            threads.remove(threading.current_thread())
            stops.pop(build_id, None)
        record["resolvedSourceVersion"] = ended.commit
        record["logs"]["deepLink"] = ended.log
        record["exportedEnvironmentVariables"] = [
            {"name": name, "value": value} for name, value in ended.exported.items()
        ]
        codebuild._record_phase(record, "BUILD", ended.status)
        if ended.reason:
            record["phases"][-1]["contexts"] = [{"statusCode": "", "message": ended.reason}]
        codebuild._finish_build(record, ended.status)

    def stop_build(data: dict[str, Any]) -> Any:
        """As on AWS, the build is stopped when this returns; its processes may still end."""
        build_id = data.get("id", "")
        record = codebuild._builds.get(build_id)
        if record is not None and record["buildStatus"] != "IN_PROGRESS":
            return json_response({"build": record})
        answer = stop(data)
        if build_id in stops:
            stops[build_id].set()
        return answer

    def end_all() -> None:
        running = list(threads)
        for event in list(stops.values()):
            event.set()
        for thread in running:
            thread.join(timeout=30)

    codebuild.EXECUTE_BUILDS = True
    codebuild._container_for_build = lambda _: None
    codebuild._start_build = start_build
    codebuild._execute_build = execute_build
    codebuild._stop_build = stop_build
    return end_all


def integrate_builds_with_step_functions(*, poll_seconds: float = 0.1) -> None:
    """Add `codebuild:startBuild` and `codebuild:startBuild.sync` to state machines."""
    from ministack.services import codebuild, stepfunctions  # noqa: PLC0415

    def start_build(resource: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        request = stepfunctions._convert_keys_to_camel(arguments)
        status, _, body = codebuild._start_build(request)
        answer = json.loads(body)
        if status >= 400:
            raise stepfunctions._ExecutionError(f"CodeBuild.{answer['__type']}", answer["message"])
        build = codebuild._builds[answer["build"]["id"]]
        if not resource.endswith(".sync"):
            return {"Build": _pascal(answer["build"])}
        while build["buildStatus"] == "IN_PROGRESS":
            time.sleep(poll_seconds)
        if build["buildStatus"] != "SUCCEEDED":
            raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps(_pascal(build)))
        return {"Build": _pascal(build)}

    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::codebuild:startBuild"] = start_build


def _started(record: Mapping[str, Any], project: Mapping[str, Any]) -> StartedBuild:
    return StartedBuild(
        id=record["id"],
        number=record["buildNumber"],
        initiator=record["initiator"],
        project=project,
        source_version=record["sourceVersion"],
        variables=_overrides.get(),
    )


def _pascal(value: Any) -> Any:
    """Keys with a capital first letter, as in the answers of Step Functions' integrations."""
    if isinstance(value, Mapping):
        return {key[:1].upper() + key[1:]: _pascal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_pascal(item) for item in value]
    return value
