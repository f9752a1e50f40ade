"""A builder of small builds that run real shells."""

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_cloud.codebuild.environment import base_environment
from local_cloud.codebuild.project import Project, Variable
from local_cloud.codebuild.runner import BuildRequest, run_build


def no_clients(service: str) -> Any:
    raise AssertionError(f"this build must not call {service}")


@dataclass(kw_only=True)
class Builds:
    """Runs buildspecs given as plain dictionaries, below a path with spaces."""

    folder: Path
    stop: threading.Event = field(default_factory=threading.Event)
    clients: Callable[[str], Any] = no_clients
    caller: dict[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})

    @property
    def log_file(self) -> Path:
        return self.folder / "logs" / "build.log"

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def request(self, spec: Mapping[str, Any] | str, **overrides: Any) -> BuildRequest:
        text = spec if isinstance(spec, str) else json.dumps({"version": "0.2", **spec}, indent=1)
        project = Project(
            name="project",
            arn="arn:aws:codebuild:us-east-1:000000000000:project/project",
            image="aws/codebuild/standard:7.0",
            buildspec=text,
            variables=overrides.pop("project_variables", ()),
            timeout_minutes=overrides.pop("timeout_minutes", 30),
        )
        values: dict[str, Any] = {
            "project": project,
            "environment": base_environment(
                state_dir=self.folder / "state", given={"GIVEN": "yes"}, caller=self.caller
            ),
            "work_dir": self.folder / "work",
            "log_file": self.log_file,
            "initiator": "codepipeline/test",
            **overrides,
        }
        return BuildRequest(**values)

    def run(self, spec: Mapping[str, Any] | str, **overrides: Any) -> dict[str, str]:
        request = self.request(spec, **overrides)
        return run_build(request, clients=self.clients, stop=self.stop)

    def commands(self, *commands: str, **overrides: Any) -> dict[str, str]:
        return self.run({"phases": {"build": {"commands": list(commands)}}}, **overrides)


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(folder=tmp_path / "a folder")


__all__ = ["Builds", "Variable"]
