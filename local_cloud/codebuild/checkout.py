"""The source of a build outside of a pipeline: a clone from the local git host."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud.codebuild.process import BuildFailed

_LOCATED = {"CODECOMMIT", "GITHUB", "GITHUB_ENTERPRISE"}
# CodeBuild's notation of a branch at a commit: refs/heads/x^{commit}.
_AT_COMMIT = re.compile(r".*\^\{([0-9a-f]{7,64})\}")
_TIMEOUT_SECONDS = 300


def check_out(
    source: Mapping[str, Any], *, version: str, git_root: Path, target: Path
) -> str | None:
    """Clone the project's `source` at `version` to the new folder `target`.

    Returns the commit, or None for a project without a source. Raises BuildFailed.
    """
    if source.get("type") not in _LOCATED:
        return None
    name = str(source.get("location", "")).rstrip("/").removesuffix(".git").rpartition("/")[2]
    repository = git_root / f"{name}.git"
    if not name or not repository.is_dir():
        raise BuildFailed(f"DOWNLOAD_SOURCE: the local git host has no repository {name!r}")
    at_commit = _AT_COMMIT.fullmatch(version)
    wanted = at_commit[1] if at_commit else version or "HEAD"
    commit = _git("--git-dir", str(repository), "rev-parse", "--verify", f"{wanted}^{{commit}}")
    _git("clone", "--quiet", "--no-checkout", str(repository), str(target))
    _git("-C", str(target), "checkout", "--quiet", "--detach", commit)
    return commit


def _git(*arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise BuildFailed(f"DOWNLOAD_SOURCE: {last[0]}")
    return done.stdout.strip()
