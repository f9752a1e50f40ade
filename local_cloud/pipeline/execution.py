"""The record of one run, written by the process of the run."""

import fcntl
import hashlib
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud.pipeline.definition import Action, Definition, DefinitionError
from local_cloud.pipeline.executions import STOP_REASON, pipeline_folder, write_state


class Execution:
    """One run's record; every change is on disk when the call returns. Thread-safe.

    This process holds a lock on the folder, so that other processes can see that it lives.
    For an id that has a record, the record is continued: see `retry`.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        pipeline: str,
        branch: str,
        commit: str,
        execution_id: str = "",
        started_epoch_seconds: float | None = None,
    ) -> None:
        self.id = execution_id or str(uuid.uuid4())
        self.folder = pipeline_folder(state_dir, pipeline) / "executions" / self.id
        self.folder.mkdir(parents=True, exist_ok=True)
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
            "started": started_epoch_seconds or time.time(),
            "ended": None,
            "attempt": 0,
            "restarts": [],
            "announced": [],
            "stages": [],
        }
        self._is_retry = (self.folder / "state.json").exists()
        if self._is_retry:
            before = json.loads((self.folder / "state.json").read_text())
            now = {key: self._state[key] for key in ("status", "reason", "process", "ended")}
            self._state = before | now
        self._save()

    @property
    def is_retry(self) -> bool:
        return self._is_retry

    def retry(self, definition: Definition) -> dict[str, dict[str, str]]:
        """Continue after the succeeded actions; returns their variables, by namespace.

        Raises DefinitionError when the definition has changed since.
        """
        with self._lock:
            self._is_retry = False
            if self._state["definition"] != _digest(definition):
                raise DefinitionError("the pipeline has changed since: this run cannot be retried")
            actions = {(a.stage, a.name): a for a in definition.actions}
            variables = {}
            for stage in self._state["stages"]:
                for record in stage["actions"]:
                    action = actions[stage["name"], record["name"]]
                    if record["state"] != "Succeeded":
                        record.update(_waiting(action))
                    elif action.namespace:
                        variables[action.namespace] = record["outputs"]
            self._state["status"] = "InProgress"
            self._save()
        return variables

    def has_succeeded(self, action: Action) -> bool:
        return bool(self._record(action)["state"] == "Succeeded")

    def announce(self, text: str) -> None:
        """Show a line to the commands that follow the run."""
        with self._lock:
            self._state["announced"].append(text)
            self._save()

    def begin(self, definition: Definition) -> None:
        """Start a new attempt with `definition`; the last attempt moves to `restarts`."""
        with self._lock:
            if self._state["stages"]:
                earlier = {key: self._state[key] for key in ("attempt", "stages")}
                self._state["restarts"].append(earlier)
            self._state["status"] = "InProgress"
            self._state["definition"] = _digest(definition)
            self._state["attempt"] += 1
            self._state["stages"] = [
                {"name": stage.name, "actions": [_waiting(action) for action in stage.actions]}
                for stage in definition.stages
            ]
            self._save()

    def log_file(self, action: Action) -> Path:
        """The log of the action in the current attempt."""
        attempt = self._state["attempt"]
        return self.folder / "logs" / str(attempt) / f"{action.stage}.{action.name}.log"

    def artifact(self, name: str) -> Path:
        return self.folder / "artifacts" / name

    def stop_reason(self) -> str:
        """The reason in the first stop request."""
        file = self.folder / STOP_REASON
        reason = file.read_text() if file.exists() else ""
        return f"stopped by request: {reason}" if reason else "stopped by request"

    def clear_artifacts(self) -> None:
        shutil.rmtree(self.folder / "artifacts", ignore_errors=True)

    def action_started(self, action: Action) -> None:
        log = str(self.log_file(action))
        self._update(action, state="InProgress", started=time.time(), log=log)

    def action_ended(
        self, action: Action, *, state: str, reason: str, outputs: Mapping[str, str] | None = None
    ) -> None:
        ended = time.time()
        self._update(action, state=state, ended=ended, reason=reason, outputs=dict(outputs or {}))

    def end(self, status: str, reason: str) -> None:
        """Write the final status and release the folder."""
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
            self._record(action).update(changes)
            self._save()

    def _record(self, action: Action) -> dict[str, Any]:
        stage = next(s for s in self._state["stages"] if s["name"] == action.stage)
        record: dict[str, Any] = next(a for a in stage["actions"] if a["name"] == action.name)
        return record

    def _save(self) -> None:
        write_state(self.folder, self._state)


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
        "outputs": {},
    }


def _digest(definition: Definition) -> str:
    return hashlib.sha256(definition.text.encode()).hexdigest()
