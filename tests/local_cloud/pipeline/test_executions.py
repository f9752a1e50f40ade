"""The state of a run, as other processes read it."""

import json
from pathlib import Path

import pytest

from local_cloud.pipeline import executions
from local_cloud.pipeline.execution import Execution
from local_cloud.pipeline.executions import (
    execution_state,
    fail_killed_runs,
    has_ended,
    write_state,
)


def test_a_run_that_begins_during_the_read_is_not_abandoned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_owned = executions._is_owned
    begun: list[Execution] = []

    def begin_after(folder: Path) -> bool:
        answer = is_owned(folder)
        if not begun:
            begun.append(
                Execution(tmp_path, pipeline="p", branch="b", commit="c", execution_id="e")
            )
        return answer

    monkeypatch.setattr(executions, "_is_owned", begin_after)
    state = execution_state(tmp_path, "p", "e")
    assert state is not None
    assert state["status"] == "Queued"


@pytest.mark.parametrize("status", ["Queued", "InProgress", "Stopping"])
def test_a_run_that_waits_or_is_being_stopped_has_not_ended(status: str) -> None:
    assert not has_ended(status)


def test_a_run_whose_cloud_was_killed_failed_and_says_how_to_run_it_again(tmp_path: Path) -> None:
    killed = Execution(tmp_path, pipeline="p", branch="feature/x y", commit="c", execution_id="e")
    state = json.loads((killed.folder / "state.json").read_text())
    write_state(killed.folder, state | {"status": "InProgress", "attempt": 1})
    ended = Execution(tmp_path, pipeline="p", branch="b", commit="c", execution_id="ended")
    ended.end("Succeeded", "")
    waiting = Execution(tmp_path, pipeline="p", branch="b", commit="c", execution_id="waiting")
    waiting._owner.close()
    killed._owner.close()  # as when its process is killed

    fail_killed_runs(tmp_path)

    state = execution_state(tmp_path, "p", "e")
    assert state is not None
    assert state["status"] == "Failed"
    assert "make retry BRANCH='feature/x y'" in state["reason"]
    assert "make retry" in str(execution_state(tmp_path, "p", "waiting"))
    other = execution_state(tmp_path, "p", "ended")
    assert other is not None
    assert (other["status"], other["reason"]) == ("Succeeded", "")
