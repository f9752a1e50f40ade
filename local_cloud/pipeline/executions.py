"""The records of runs: `<state>/pipelines/<name>/executions/<id>/state.json`."""

import contextlib
import fcntl
import json
import shlex
import shutil
from pathlib import Path
from typing import Any

from local_cloud.whole_file import write_whole

STOP_REASON = "stop-reason"
_ENDED = {"Succeeded", "Failed", "Stopped", "Superseded"}


def has_ended(status: str) -> bool:
    """True for a final status of a run, as recorded or as the API shows it."""
    return status in _ENDED


def pipeline_folder(state_dir: Path, name: str) -> Path:
    return state_dir / "pipelines" / name


def execution_states(state_dir: Path, name: str) -> list[dict[str, Any]]:
    """The states of the kept runs, newest first; a run whose process died is Stopped."""
    folder = pipeline_folder(state_dir, name) / "executions"
    found = (execution_state(state_dir, name, f.parent.name) for f in folder.glob("*/state.json"))
    states = [state for state in found if state is not None]
    return sorted(states, key=lambda state: (state["started"], state["id"]), reverse=True)


def execution_state(state_dir: Path, name: str, execution_id: str) -> dict[str, Any] | None:
    """The state of one run, as in `execution_states`; None when there is no record."""
    folder = pipeline_folder(state_dir, name) / "executions" / execution_id
    # Twice: a process may become the owner between the check and the read.
    for _ in range(2):
        is_owned = _is_owned(folder)  # before reading: the owner writes its last state first
        try:
            state: dict[str, Any] = json.loads((folder / "state.json").read_text())
        except FileNotFoundError:
            return None
        if is_owned or has_ended(state["status"]):
            return state
    _abandon(state)
    return state


def write_stop_reason(state_dir: Path, name: str, execution_id: str, reason: str) -> None:
    """Keep the reason of the first stop request of the run."""
    folder = pipeline_folder(state_dir, name) / "executions" / execution_id
    # The folder is missing when the run has ended and was deleted meanwhile.
    missing = contextlib.suppress(FileExistsError, FileNotFoundError)
    with missing, (folder / STOP_REASON).open("x") as file:
        file.write(reason)


def write_state(folder: Path, state: dict[str, Any]) -> None:
    write_whole(folder / "state.json", json.dumps(state, indent=1))


def settle_abandoned(state_dir: Path, name: str, *, keep: int) -> None:
    """Call when a run begins. Records dead runs as Stopped, and keeps the newest `keep` runs.

    Deletes the artifacts of ended runs, which cannot be retried any more.
    """
    folder = pipeline_folder(state_dir, name) / "executions"
    states = execution_states(state_dir, name)
    for state in states:
        place = folder / state["id"]
        if has_ended(state["status"]):
            write_state(place, state)
            shutil.rmtree(place / "artifacts", ignore_errors=True)
    for state in states[keep:]:
        if has_ended(state["status"]):
            shutil.rmtree(folder / state["id"], ignore_errors=True)


def fail_killed_runs(state_dir: Path) -> None:
    """Call when a server starts: records how the runs ended that the last one did not end."""
    for file in state_dir.glob("pipelines/*/executions/*/state.json"):
        name = file.parent.parent.parent.name
        recorded = json.loads(file.read_text())
        state = execution_state(state_dir, name, file.parent.name)
        if state is None or state["status"] == recorded["status"]:
            continue
        command = f"make retry BRANCH={shlex.quote(state['branch'])}"
        reason = f"the local cloud was killed during this run: `{command}` runs it again"
        has_begun = state["attempt"] > 0  # otherwise there is no stage to retry
        state |= {"status": "Failed" if has_begun else "Stopped", "reason": reason}
        for stage in state["stages"]:
            for action in stage["actions"]:
                if action["state"] == "Stopped" and not action["reason"]:
                    action |= {"state": "Failed", "reason": reason}
        write_state(file.parent, state)


def _is_owned(folder: Path) -> bool:
    try:
        with (folder / "owner").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _abandon(state: dict[str, Any]) -> None:
    state |= {"status": "Stopped", "reason": "abandoned: its process was killed"}
    state["ended"] = state["ended"] or state["started"]
    for stage in state["stages"]:
        for action in stage["actions"]:
            if action["state"] == "InProgress":
                action["state"] = "Stopped"
