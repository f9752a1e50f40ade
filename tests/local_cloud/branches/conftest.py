"""One local cloud for all tests of branches: a server, a git host, a role that may do anything."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from local_cloud.aws import ACCOUNT, AwsClients
from local_cloud.git_host import QUIET_VARIABLE, GitHost
from local_cloud.paths import CloudPaths
from local_cloud.server import RunningCloud, start_cloud, stop_cloud

ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
_PATIENCE_SECONDS = 30.0
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A running local cloud with a repository and a checkout that pushes to it."""

    paths: CloudPaths
    running: RunningCloud
    aws: AwsClients
    git: GitHost
    checkout: Path

    @property
    def url(self) -> str:
        return self.running.endpoint_url

    def push(self, branch: str, *, quiet: bool = True, change: str = "") -> str:
        """Commit something and push it to `branch`; returns the commit."""
        (self.checkout / "change").write_text(change or f"{branch} {time.time_ns()}")
        self.run_git("add", "change")
        self.run_git("commit", "--quiet", "--allow-empty", "-m", f"for {branch}")
        commit = self.run_git("rev-parse", "HEAD").strip()
        self.push_reference(f"{commit}:refs/heads/{branch}", quiet=quiet)
        return commit

    def drop(self, branch: str, *, quiet: bool = True) -> None:
        self.push_reference(f":refs/heads/{branch}", quiet=quiet)

    def push_reference(self, reference: str, *, quiet: bool = True) -> str:
        variables = {QUIET_VARIABLE: "1"} if quiet else {}
        return self.run_git("push", "--force", str(self.git.repository), reference, **variables)

    def run_git(self, *arguments: str, **variables: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=self.checkout, env={**os.environ, **variables},
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout + done.stderr

    def project(self, name: str, *commands: str, source: Any = None) -> None:
        """A build project whose buildspec runs `commands`."""
        spec = {"version": "0.2", "phases": {"build": {"commands": list(commands)}}}
        whole: Any = {**(source or {"type": "NO_SOURCE"}), "buildspec": json.dumps(spec)}
        self.aws.codebuild.create_project(
            name=name,
            source=whole,
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
            serviceRole=ROLE,
        )


def eventually(look: Callable[[], T], *, seconds: float = _PATIENCE_SECONDS) -> T:
    """The first true answer of `look`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {look}"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("branches")
    paths = CloudPaths(folder / "state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFN_WAIT_SCALE", "0.01")
        patch.delenv("LOCAL_CLOUD_PORT", raising=False)
        running = start_cloud(paths)
    git = GitHost(paths.repository, state=paths.state)
    git.ensure()
    checkout = folder / "checkout"
    checkout.mkdir()
    made = Cloud(
        paths=paths,
        running=running,
        aws=AwsClients(running.endpoint_url),
        git=git,
        checkout=checkout,
    )
    made.run_git("init", "--quiet", "--initial-branch=main")
    made.push("main")
    yield made
    stop_cloud(paths)
