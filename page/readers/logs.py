"""The log of one action of a run: of a build, of a stack's deployment, or of the local cloud."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from page.account import Account
from page.cards import NotThere, Subject
from page.readers.runs import Action, Stage, run_of, stages_of

_LINES_MAX: Final = 2_000
_BYTES_MAX: Final = 400_000
_EVENTS_MAX: Final = 400


@dataclass(frozen=True, kw_only=True)
class Log:
    action: Action | None  # None: none has begun
    lines: Sequence[str] = ()
    is_cut: bool = False  # only the end is here
    source: str = ""  # where the whole log is


def log(account: Account, subject: Subject) -> Log:
    """Of the action in `subject["action"]`, else of the one to look at first. Raises NotThere."""
    run = run_of(account, subject["pipeline"], subject["execution"])
    stages = stages_of(account, run.pipeline, run.id)
    action = _chosen(stages, subject.get("action", ""))
    if action is None or action.state == "Waiting":
        return Log(action=action)
    state = account.settings.state
    if state is not None:
        return _of_file(action, state)
    if action.provider == "CodeBuild" and action.external_id:
        return _of_build(account, action)
    if action.provider == "CloudFormation" and action.stack:
        return _of_stack(account, action)
    return Log(action=action, source=action.external_url)


def _chosen(stages: Sequence[Stage], key: str) -> Action | None:
    """The named action; else the first that failed, the one that runs, or the last that ended."""
    actions = [action for stage in stages for action in stage.actions]
    if key:
        found = next((action for action in actions if action.key == key), None)
        if found is None:
            raise NotThere(f"This run has no action {key}.")
        return found
    for state in ("Failed", "InProgress", "Abandoned"):
        of_state = [action for action in actions if action.state == state]
        if of_state:
            return of_state[0]
    ended = [action for action in actions if action.state == "Succeeded"]
    return ended[-1] if ended else None


def _of_file(action: Action, state: Path) -> Log:
    """The local cloud writes each log to a file of its state folder. No other file is shown."""
    file = Path(action.external_url).resolve()
    if not action.external_url or not file.is_relative_to(state.resolve()):
        return Log(action=action, source=action.external_url)
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            opened.seek(max(0, size - _BYTES_MAX))
            text = opened.read().decode(errors="replace")
    except OSError as error:
        raise NotThere(f"The log cannot be read: {error}.") from error
    lines = text.splitlines()
    return Log(
        action=action,
        lines=lines[-_LINES_MAX:],
        is_cut=size > _BYTES_MAX or len(lines) > _LINES_MAX,
        source=str(file),
    )


def _of_build(account: Account, action: Action) -> Log:
    builds = account.codebuild.batch_get_builds(ids=[action.external_id])["builds"]
    if not builds:
        raise NotThere(f"CodeBuild has no build {action.external_id}: it keeps them for a year.")
    where = builds[0].get("logs", {})
    source = where.get("deepLink", action.external_url)
    if "groupName" not in where or "streamName" not in where:
        return Log(action=action, source=source)  # the build waits for its machine
    events = account.logs.get_log_events(
        logGroupName=where["groupName"],
        logStreamName=where["streamName"],
        limit=_LINES_MAX,
        startFromHead=False,
    )["events"]
    return Log(
        action=action,
        lines=[event["message"].rstrip("\n") for event in events],
        is_cut=len(events) == _LINES_MAX,
        source=source,
    )


def _of_stack(account: Account, action: Action) -> Log:
    """What CloudFormation did for the stack during the action."""
    began = action.started or datetime.fromtimestamp(0, UTC)
    lines: list[str] = []
    pages = account.cloudformation.get_paginator("describe_stack_events").paginate(
        StackName=action.stack
    )
    for page in pages:
        for event in page["StackEvents"]:  # newest first
            if event["Timestamp"] < began or len(lines) == _EVENTS_MAX:
                return Log(action=action, lines=lines[::-1], source=action.external_url)
            if action.ended is None or event["Timestamp"] <= action.ended:
                lines.append(
                    f"{event['Timestamp'].astimezone(UTC):%H:%M:%S} "
                    f"{event.get('ResourceStatus', '')} {event.get('LogicalResourceId', '')} "
                    f"{event.get('ResourceStatusReason', '')}".rstrip()
                )
    return Log(action=action, lines=lines[::-1], source=action.external_url)
