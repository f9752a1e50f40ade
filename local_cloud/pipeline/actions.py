"""The inputs of every kind of action, and the exceptions with which it ends."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_cloud.codebuild.project import Clients
from local_cloud.pipeline.context import RunContext
from local_cloud.pipeline.definition import Action, Definition
from local_cloud.pipeline.execution import Execution
from local_cloud.pipeline.variables import Variables


class ActionFailed(Exception):
    """The action failed; the message is one line, the log has the details."""


class ActionStopped(Exception):
    """The run is being stopped; the action has ended what it started."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Values shared by all actions of one attempt."""

    context: RunContext
    clients: Clients
    definition: Definition
    execution: Execution
    branch: str
    commit: str
    variables: Variables
    stop: threading.Event
    # Shows a line to the commands that follow the run.
    announce: Callable[[str], None] = print
    # By stack: template and arguments of a change set that changes no resource.
    prepared: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ActionRun:
    """One action in progress."""

    run: Run
    action: Action
    log_file: Path

    def config(self, key: str) -> str:
        """A required value of the configuration, with references resolved. Raises ActionFailed."""
        value = self.optional_config(key)
        if not value:
            raise ActionFailed(f"the action's configuration lacks {key}")
        return value

    def optional_config(self, key: str) -> str:
        return self.run.variables.resolve(self.action.configuration.get(key, ""))

    def input_path(self, reference: str) -> Path:
        """The file that `Artifact::path` names. Raises ActionFailed."""
        artifact, separator, path = reference.partition("::")
        if not separator or artifact not in self.action.inputs:
            raise ActionFailed(f"{reference!r} does not name a file of {list(self.action.inputs)}")
        root = self.run.execution.artifact(artifact).resolve()
        file = (root / path).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            raise ActionFailed(f"{reference!r}: there is no such file in the artifact")
        return file

    def log(self, text: str) -> None:
        """Append a line to the action's log."""
        with self.log_file.open("a") as file:
            file.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    def wait(self, seconds: float) -> None:
        """Raises ActionStopped when the run is to stop."""
        if self.run.stop.wait(seconds):
            raise ActionStopped


Handler = Callable[[ActionRun], Mapping[str, str]]
"""Runs an action and returns its output variables; raises ActionFailed, ActionStopped."""
