"""A bare git repository as the git host: a push to it starts the branch's pipeline."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from local_cloud.paths import ROOT
from local_cloud.server import CloudError

REMOTE = "local"
# Paths of the server: GitHub's REST API, and the notification of a push.
GITHUB_PATH = "/_github"
PUSHED_PATH = "/_local/pushed"
OWNER = "local"
# Set for pushes of our own commands, which start the delivery themselves.
QUIET_VARIABLE = "LOCAL_CLOUD_QUIET_PUSH"

_HOOK = """#!/bin/sh
# Written by local_cloud/git_host.py: every push starts its branch's pipeline and streams the run.
[ -n "${quiet_variable}" ] && exit 0
unset GIT_DIR GIT_WORK_TREE GIT_QUARANTINE_PATH
cd {root} || exit 1
LOCAL_STATE={state} exec {python} -m local_cloud.hook
"""

_REFUSING_HOOK = """#!/bin/sh
# Written by local_cloud/git_host.py: git reports the deletion of a missing branch as a success.
refused=
while read -r before after reference; do
    case "$reference" in refs/heads/*) ;; *) continue ;; esac
    [ -z "$(printf %s "$before$after" | tr -d 0)" ] || continue
    echo "there is no branch ${reference#refs/heads/} to delete; the branches are:"
    git for-each-ref --format="  %(refname:lstrip=2)" refs/heads
    refused=yes
done
[ -z "$refused" ]
"""


class GitHost:
    """The git repository of one local cloud."""

    def __init__(self, repository: Path, *, state: Path) -> None:
        self.repository = repository
        self._state = state

    def ensure(self) -> None:
        """Create the repository, and write its hooks again: the checkout may have moved."""
        if not (self.repository / "HEAD").exists():
            shutil.rmtree(self.repository, ignore_errors=True)
            self.repository.mkdir(parents=True)
            _git("init", "--quiet", "--bare", "--initial-branch=main", cwd=self.repository)
        # A shallow checkout (--depth) may be pushed: the missing history is not needed.
        _git("config", "receive.shallowUpdate", "true", cwd=self.repository)
        delivering = _HOOK.format(
            quiet_variable=QUIET_VARIABLE,
            root=shlex.quote(str(ROOT)),
            state=shlex.quote(str(self._state)),
            python=shlex.quote(sys.executable),
        )
        for name, text in {"pre-receive": _REFUSING_HOOK, "post-receive": delivering}.items():
            hook = self.repository / "hooks" / name
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(text)
            hook.chmod(0o755)

    def add_remote(self, checkout: Path) -> None:
        """Make `git push local <branch>` work in `checkout`."""
        known = _git("remote", cwd=checkout).split()
        verb = "set-url" if REMOTE in known else "add"
        _git("remote", verb, REMOTE, str(self.repository), cwd=checkout)

    def push_head(self, checkout: Path) -> tuple[str, str]:
        """Push the checkout's current commit; returns its branch and commit.

        Raises CloudError when there is no commit yet.
        """
        commit = _git("rev-parse", "--verify", "--quiet", "HEAD", cwd=checkout, may_fail=True)
        if not commit:
            raise CloudError(f"{checkout} has no commit yet: commit first, commits are delivered")
        branch = current_branch(checkout)
        self.push(checkout, commit=commit, branch=branch)
        return branch, commit

    def push(self, checkout: Path, *, commit: str, branch: str) -> None:
        """Push a commit that `checkout` has, as `branch`. Its delivery is not started."""
        _git(
            "push", "--quiet", "--force", str(self.repository), f"{commit}:refs/heads/{branch}",
            cwd=checkout, environment={QUIET_VARIABLE: "1"},
        )  # fmt: skip

    def drop(self, branch: str) -> None:
        """Delete a branch; does nothing if it does not exist."""
        _git("update-ref", "-d", f"refs/heads/{branch}", cwd=self.repository)

    def clone(self, branch: str, commit: str, target: Path) -> None:
        """A checkout of `commit` in the new folder `target`."""
        _git("clone", "--quiet", "--no-checkout", str(self.repository), str(target))
        _git("checkout", "--quiet", "-B", branch, commit, cwd=target)

    def branches(self) -> dict[str, str]:
        """The commit of each branch, by name."""
        lines = _git("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads",
                     cwd=self.repository).splitlines()  # fmt: skip
        pairs = (line.split(" ", 1) for line in lines)
        return {ref.removeprefix("refs/heads/"): commit for commit, ref in pairs}

    def notify_pipelines(self, endpoint_url: str, *, branch: str, commit: str) -> list[Any]:
        """Notify CodePipeline of a push, as a connection does; returns the runs that it started."""
        body = {
            "repository": self.repository.name.removesuffix(".git"),
            "branch": branch,
            "commit": commit,
        }
        request = urllib.request.Request(
            f"{endpoint_url}{PUSHED_PATH}", data=json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            started: list[Any] = json.load(answer)
        return started

    def committed_at(self, commit: str) -> str:
        """The time of the commit in GitHub's format."""
        seconds = _git("log", "-1", "--format=%ct", commit, cwd=self.repository)
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(seconds)))


def head_of(repository: Path, branch: str) -> str:
    """The commit of `branch`; empty if the branch or the repository does not exist."""
    if not repository.is_dir():
        return ""
    return _git(
        "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", cwd=repository, may_fail=True
    )


def current_branch(checkout: Path) -> str:
    """The checked-out branch; a detached HEAD gets a name from its commit."""
    branch = _git("symbolic-ref", "--quiet", "--short", "HEAD", cwd=checkout, may_fail=True)
    if branch:
        return branch
    return "detached-" + _git("rev-parse", "--short=12", "HEAD", cwd=checkout)


def commit_of(checkout: Path, name: str) -> str:
    """The commit that `name` (a commit, a tag, a branch) stands for. Raises CloudError."""
    commit = _git(
        "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", cwd=checkout, may_fail=True
    )
    if not commit:
        raise CloudError(
            f"{name!r} is not a commit of this clone; a shallow clone gets its history with "
            "`git fetch --unshallow`"
        )
    return commit


def is_dirty(checkout: Path) -> bool:
    """True if tracked files differ from the commit, or there are new files."""
    return bool(_git("status", "--porcelain", cwd=checkout))


def _git(
    *arguments: str,
    cwd: Path | None = None,
    environment: dict[str, str] | None = None,
    may_fail: bool = False,
) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 and not may_fail:
        raise CloudError(f"git {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip() if done.returncode == 0 else ""
