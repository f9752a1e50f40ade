"""Source actions: a clone of the pushed commit from the local git host."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local_cloud.pipeline.actions import ActionFailed, ActionRun

_TIMEOUT_SECONDS = 300
_CLONE = "CODEBUILD_CLONE_REF"


def fetch_codecommit(run: ActionRun) -> Mapping[str, str]:
    """CodeCommit: RepositoryName, BranchName."""
    name = run.config("RepositoryName")
    return {"RepositoryName": name, **_fetch(run, name)}


def fetch_connection(run: ActionRun) -> Mapping[str, str]:
    """CodeStarSourceConnection: FullRepositoryId (owner/name), BranchName."""
    full_name = run.config("FullRepositoryId")
    variables = _fetch(run, full_name.rpartition("/")[2])
    connection = run.optional_config("ConnectionArn")
    return {"FullRepositoryName": full_name, "ConnectionArn": connection, **variables}


def _fetch(run: ActionRun, repository_name: str) -> dict[str, str]:
    branch, commit = run.config("BranchName"), run.run.commit
    if branch != run.run.branch:
        raise ActionFailed(f"the pipeline follows branch {branch!r}, not {run.run.branch!r}")
    repository = run.run.context.state_dir / "git" / f"{repository_name}.git"
    if not repository.is_dir():
        raise ActionFailed(f"the local git host has no repository {repository}")
    if not commit:
        raise ActionFailed(f"the local git host has no branch {branch!r} in {repository_name}")
    (output,) = run.action.outputs
    target = run.run.execution.artifact(output)
    _git(run, "clone", "--quiet", "--no-checkout", str(repository), str(target))
    _git(run, "-C", str(target), "checkout", "--quiet", "--detach", commit)
    fields = _git(run, "-C", str(target), "log", "-1", "--format=%H%n%aI%n%cI%n%B")
    commit_id, author_date, committer_date, message = fields.split("\n", 3)
    if run.optional_config("OutputArtifactFormat") != _CLONE:
        shutil.rmtree(target / ".git")  # CODE_ZIP: files only
    run.log(f"{repository_name} {branch} {commit_id}: {message.splitlines()[0]}")
    return {
        "BranchName": branch,
        "CommitId": commit_id,
        "CommitMessage": message.strip(),
        "AuthorDate": author_date,
        "CommitterDate": committer_date,
    }


def _git(run: ActionRun, *arguments: str) -> str:
    # Variables of a hook, such as GIT_DIR, would name another repository.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=Path("/"),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ActionFailed(f"git did not end within {_TIMEOUT_SECONDS} s") from error
    if done.returncode != 0:
        run.log(f"git {' '.join(arguments)}\n{done.stderr}")
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise ActionFailed(f"git {arguments[0]}: {last[0]}")
    return done.stdout
