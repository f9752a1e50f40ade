"""A small cloud for pipelines: definitions as files, a real git repository, projects in memory."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_cloud.pipeline.context import RunContext
from local_cloud.pipeline.engine import run_pipeline
from local_cloud.pipeline.progress import Progress
from local_cloud.pipeline.results import RunResult

ARTIFACT = list[str] | None


def git(*arguments: str, cwd: Path) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
    }  # fmt: skip
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def action(
    provider: str,
    name: str,
    configuration: Mapping[str, Any] | None = None,
    *,
    inputs: ARTIFACT = None,
    outputs: ARTIFACT = None,
    **more: Any,
) -> dict[str, Any]:
    category, _, kind = provider.partition("/")
    return {
        "Name": name,
        "ActionTypeId": {"Category": category, "Owner": "AWS", "Provider": kind, "Version": "1"},
        "Configuration": dict(configuration or {}),
        "InputArtifacts": [{"Name": n} for n in inputs or []],
        "OutputArtifacts": [{"Name": n} for n in outputs or []],
        **more,
    }


def source(branch: str = "main", **configuration: Any) -> dict[str, Any]:
    return {
        "Name": "Source",
        "Actions": [
            action(
                "Source/CodeCommit",
                "repo",
                {
                    "RepositoryName": "repo",
                    "BranchName": branch,
                    "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
                    **configuration,
                },
                outputs=["Src"],
                Namespace="SourceVariables",
            )
        ],
    }


def build(
    name: str,
    project: str,
    *,
    inputs: ARTIFACT = None,
    env: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    variables = [{"name": k, "value": v, "type": "PLAINTEXT"} for k, v in (env or {}).items()]
    configuration = {"ProjectName": project, "EnvironmentVariables": json.dumps(variables)}
    configuration |= more.pop("configuration", {})
    inputs = ["Src"] if inputs is None else inputs
    return action("Build/CodeBuild", name, configuration, inputs=inputs, **more)


def stage(name: str, *actions: dict[str, Any]) -> dict[str, Any]:
    return {"Name": name, "Actions": list(actions)}


@dataclass(kw_only=True)
class Cloud:
    """A state folder with a git host, and CodeBuild projects in memory."""

    state: Path
    checkout: Path
    projects: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def commit(self) -> str:
        return git("rev-parse", "HEAD", cwd=self.checkout)

    def definition_file(self, name: str = "delivery") -> Path:
        return self.state / "cloud" / "pipelines" / f"{name}.json"

    def deploy(self, *stages: dict[str, Any], name: str = "delivery", **more: Any) -> None:
        file = self.definition_file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"Name": name, "Stages": stages, **more}))

    def project(self, name: str, *commands: str, **spec: Any) -> None:
        phases = {"build": {"commands": list(commands)}}
        self.projects[name] = json.dumps({"version": "0.2", "phases": phases, **spec}, indent=1)

    def client(self, service: str) -> Any:
        assert service == "codebuild"
        return self

    def batch_get_projects(self, *, names: list[str]) -> Any:
        return {
            "projects": [
                {
                    "name": name,
                    "arn": f"arn:aws:codebuild:us-east-1:000000000000:project/{name}",
                    "source": {"type": "CODEPIPELINE", "buildspec": self.projects[name]},
                    "environment": {"image": "image", "environmentVariables": []},
                    "timeoutInMinutes": 30,
                }
                for name in names
                if name in self.projects
            ]
        }

    def context(self) -> RunContext:
        return RunContext(
            state_dir=self.state,
            endpoint_url="http://127.0.0.1:9",
            build_environment=self.environment,
            **{"clients": self.client, **self.settings},
        )

    def run(self, progress: Progress | None = None, *, commit: str | None = None) -> RunResult:
        return run_pipeline(
            name="delivery",
            branch="main",
            commit=commit or self.commit,
            context=self.context(),
            progress=progress or Progress(live=False),
        )

    def log(self, result: RunResult, name: str) -> str:
        """The log of the last action of that name."""
        return next(a for a in reversed(result.actions) if a.name == name).log_file.read_text()

    def state_of(self, result: RunResult) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((result.folder / "state.json").read_text())
        return found


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    made = Cloud(state=tmp_path / "a state", checkout=tmp_path / "a checkout")
    made.checkout.mkdir()
    git("init", "--quiet", "--initial-branch=main", cwd=made.checkout)
    (made.checkout / "file.txt").write_text("committed")
    git("add", "file.txt", cwd=made.checkout)
    git("commit", "--quiet", "--message", "first line\n\nsecond", cwd=made.checkout)
    (made.state / "git").mkdir(parents=True)
    bare = made.state / "git" / "repo.git"
    git("clone", "--quiet", "--bare", str(made.checkout), str(bare), cwd=tmp_path)
    return made
