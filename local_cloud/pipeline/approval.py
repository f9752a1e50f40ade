"""Manual approvals: the question is a file, and the answer is a file beside it."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud.pipeline.actions import ActionFailed, ActionRun
from local_cloud.pipeline.executions import pipeline_folder
from local_cloud.whole_file import write_whole

_POLL_SECONDS = 0.2
_SUMMARY = "Summary"


class NothingToDecide(Exception):
    """No approval of that pipeline is waiting."""


def approve(run: ActionRun) -> Mapping[str, str]:
    """Manual: wait for `decide`, up to the timeout of the action or of the local cloud."""
    minutes = run.action.timeout_minutes
    seconds = 60.0 * minutes if minutes else run.run.context.approval_timeout_seconds
    question, answer = _files(run.run.context.state_dir, run.run.definition.name)
    answer.unlink(missing_ok=True)
    until = time.time() + seconds
    about = {
        "stage": run.action.stage,
        "action": run.action.name,
        "execution": run.run.execution.id,
        "message": run.optional_config("CustomData"),
        "link": run.optional_config("ExternalEntityLink"),
        "until": until,
    }
    write_whole(question, json.dumps(about, indent=1))
    run.log(f"waiting for a decision: {about['message']} {about['link']}".rstrip())
    run.run.announce(f"waits for an approval: {about['message']} (`make approve`)")
    try:
        while time.time() < until:
            given = json.loads(answer.read_text()) if answer.exists() else {}
            # An answer to an earlier execution may arrive after its question was replaced.
            if given.get("execution") == about["execution"]:
                return _decided(run, given)
            run.wait(_POLL_SECONDS)
    finally:
        question.unlink(missing_ok=True)
        answer.unlink(missing_ok=True)
    raise ActionFailed(f"no decision within {seconds:.0f} s")


def pending_approval(state_dir: Path, pipeline: str) -> dict[str, Any] | None:
    """The waiting question: stage, action, message, link, until (epoch seconds)."""
    try:
        about: dict[str, Any] = json.loads(_files(state_dir, pipeline)[0].read_text())
    except FileNotFoundError:
        return None
    return about


def decide(state_dir: Path, pipeline: str, *, execution: str, approved: bool, summary: str) -> None:
    """Answer the waiting approval of `execution`. Raises NothingToDecide."""
    waiting = pending_approval(state_dir, pipeline)
    if waiting is None or waiting["execution"] != execution:
        raise NothingToDecide(
            f"no approval of execution {execution} of pipeline {pipeline!r} is waiting"
        )
    _, answer = _files(state_dir, pipeline)
    given = {"execution": execution, "approved": approved, _SUMMARY: summary}
    write_whole(answer, json.dumps(given, indent=1))


def _decided(run: ActionRun, answer: Mapping[str, Any]) -> dict[str, str]:
    verdict = "approved" if answer["approved"] else "rejected"
    run.log(f"{verdict}: {answer[_SUMMARY]}")
    if not answer["approved"]:
        raise ActionFailed(f"rejected: {answer[_SUMMARY]}")
    return {_SUMMARY: answer[_SUMMARY]}


def _files(state_dir: Path, pipeline: str) -> tuple[Path, Path]:
    folder = pipeline_folder(state_dir, pipeline)
    return folder / "approval.json", folder / "approval-answer.json"
