"""A local cloud for tests of branches: API, git host and build projects."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from local_cloud.aws import ACCOUNT, AwsClients
from local_cloud.git_host import QUIET_VARIABLE, GitHost
from local_cloud.paths import CloudPaths
from local_cloud.server import RunningCloud

ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
_PATIENCE_SECONDS = 300.0  # for a busy machine; on a free one nothing takes that long
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
        """Commit what is there and push it to `branch`; returns the commit."""
        commit = self.commit(branch, change=change)
        self.push_reference(f"{commit}:refs/heads/{branch}", quiet=quiet)
        return commit

    def commit(self, branch: str, *, change: str = "") -> str:
        (self.checkout / "change").write_text(change or f"{branch} {time.time_ns()}")
        self.run_git("add", "--all", ".")
        self.run_git("commit", "--quiet", "-m", f"for {branch}")
        return self.run_git("rev-parse", "HEAD").strip()

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
    """The first true result of `look`; fails at a timeout."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {look}"
        time.sleep(0.1)
    return found
