"""What is written down about runs: `<state>/pipelines/<name>/executions/<id>/state.json`."""

import fcntl
import json
import os
import shutil
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from local_cloud.pipeline.definition import Action, Definition

_ENDED = {"Succeeded", "Failed", "Stopped", "Superseded"}


def pipeline_folder(state_dir: Path, name: str) -> Path:
    return state_dir / "pipelines" / name


def execution_states(state_dir: Path, name: str) -> list[dict[str, Any]]:
    """The state of every kept run, newest first; one whose process died is shown as Stopped."""
    folder = pipeline_folder(state_dir, name) / "executions"
    states = []
    for file in folder.glob("*/state.json"):
        is_owned = _is_owned(
            file.parent
        )  # before reading: a run's last word comes before it lets go
        try:
            state: dict[str, Any] = json.loads(file.read_text())
        except FileNotFoundError:
            continue  # removed meanwhile
        if state["status"] not in _ENDED and not is_owned:
            _abandon(state)
        states.append(state)
    return sorted(states, key=lambda state: (state["started"], state["id"]), reverse=True)


class Execution:
    """One run's record; every change is on disk when the call returns. Safe between threads.

    A lock is held on the folder as long as this process lives, so that others can tell.
    """

    def __init__(self, state_dir: Path, *, pipeline: str, branch: str, commit: str) -> None:
        self.id = str(uuid.uuid4())
        self.folder = pipeline_folder(state_dir, pipeline) / "executions" / self.id
        self.folder.mkdir(parents=True)
        self._owner = (self.folder / "owner").open("w")
        fcntl.flock(self._owner, fcntl.LOCK_EX)
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {
            "id": self.id,
            "pipeline": pipeline,
            "branch": branch,
            "commit": commit,
            "status": "Queued",
            "reason": "",
            "process": os.getpid(),
            "started": time.time(),
            "ended": None,
            "attempt": 0,
            "restarts": [],
            "stages": [],
        }
        self._save()

    def begin(self, definition: Definition) -> None:
        """A new attempt along `definition`; what the last one did moves to `restarts`."""
        with self._lock:
            if self._state["stages"]:
                earlier = {key: self._state[key] for key in ("attempt", "stages")}
                self._state["restarts"].append(earlier)
            self._state["status"] = "InProgress"
            self._state["attempt"] += 1
            self._state["stages"] = [
                {"name": stage.name, "actions": [_waiting(action) for action in stage.actions]}
                for stage in definition.stages
            ]
            self._save()

    def log_file(self, action: Action) -> Path:
        """Where the action's output goes in the current attempt."""
        attempt = self._state["attempt"]
        return self.folder / "logs" / str(attempt) / f"{action.stage}.{action.name}.log"

    def artifact(self, name: str) -> Path:
        return self.folder / "artifacts" / name

    def clear_artifacts(self) -> None:
        shutil.rmtree(self.folder / "artifacts", ignore_errors=True)

    def action_started(self, action: Action) -> None:
        log = str(self.log_file(action))
        self._update(action, state="InProgress", started=time.time(), log=log)

    def action_ended(self, action: Action, *, state: str, reason: str) -> None:
        self._update(action, state=state, ended=time.time(), reason=reason)

    def end(self, status: str, reason: str) -> None:
        """Write the final status and let go of the folder."""
        with self._lock:
            self._state |= {"status": status, "reason": reason, "ended": time.time()}
            for stage in self._state["stages"]:
                for action in stage["actions"]:
                    if action["state"] == "InProgress":
                        action |= {"state": "Stopped", "ended": time.time()}
            self._save()
        self._owner.close()

    def _update(self, action: Action, **changes: Any) -> None:
        with self._lock:
            stage = next(s for s in self._state["stages"] if s["name"] == action.stage)
            record = next(a for a in stage["actions"] if a["name"] == action.name)
            record.update(changes)
            self._save()

    def _save(self) -> None:
        _write(self.folder, self._state)


def settle_abandoned(state_dir: Path, name: str, *, keep: int) -> None:
    """Write down what became of runs whose process died, and remove all but the newest `keep`."""
    folder = pipeline_folder(state_dir, name) / "executions"
    states = execution_states(state_dir, name)
    for state in states:
        place = folder / state["id"]
        if state["status"] in _ENDED:
            _write(place, state)
    for state in states[keep:]:
        if state["status"] in _ENDED:
            shutil.rmtree(folder / state["id"], ignore_errors=True)


def _waiting(action: Action) -> dict[str, Any]:
    return {
        "name": action.name,
        "provider": action.provider,
        "run_order": action.run_order,
        "state": "Waiting",
        "reason": "",
        "started": None,
        "ended": None,
        "log": None,
    }


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
    state |= {"status": "Stopped", "reason": "abandoned: its process ended without a word"}
    state["ended"] = state["ended"] or state["started"]
    for stage in state["stages"]:
        for action in stage["actions"]:
            if action["state"] == "InProgress":
                action["state"] = "Stopped"


def _write(folder: Path, state: dict[str, Any]) -> None:
    unfinished = folder / ".state.json"
    unfinished.write_text(json.dumps(state, indent=1))
    unfinished.replace(folder / "state.json")
