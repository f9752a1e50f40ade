"""`make destroy` asks, refuses an unknown branch, and is named to commands that follow the run."""

import os
import pty
import subprocess
import sys
import uuid

import pytest

from local_cloud.paths import ROOT
from tests.local_cloud.branches.cloud import Cloud
from tests.local_cloud.branches.environment import commit_environment, facts_files
from tests.local_cloud.branches.hub import Branches


@pytest.fixture
def branch() -> str:
    return f"feature/Ünï-{uuid.uuid4().hex[:8]}"


def destroy(
    cloud: Cloud, branch: str, *, answer: str = "", stdin: int = subprocess.DEVNULL
) -> subprocess.CompletedProcess[str]:
    return command(cloud, "destroy", "--branch", branch, "--answer", answer, stdin=stdin)


def command(
    cloud: Cloud, *arguments: str, stdin: int = subprocess.DEVNULL
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local_cloud", *arguments],
        cwd=ROOT,
        env={**os.environ, "LOCAL_STATE": str(cloud.paths.state)},
        stdin=stdin,
        check=False,
        capture_output=True,
        text=True,
    )


def on_terminal(cloud: Cloud, branch: str, *, typed: bytes) -> subprocess.CompletedProcess[str]:
    """Type before the question is asked, as a terminal permits."""
    master, slave = pty.openpty()
    try:
        os.write(master, typed)
        return destroy(cloud, branch, stdin=slave)
    finally:
        os.close(slave)
        os.close(master)


def test_a_branch_is_deleted_only_after_a_yes(branches: Branches, branch: str) -> None:
    suffix = commit_environment(branches, branch)
    branches.cloud.push_reference(f"HEAD:refs/heads/{branch}", quiet=False)
    cloud = branches.cloud

    without_terminal = destroy(cloud, branch)
    assert without_terminal.returncode == 1
    assert "add ANSWER=yes or ANSWER=no" in without_terminal.stderr
    unclear = on_terminal(cloud, branch, typed=b"perhaps\n")
    assert unclear.returncode == 1
    assert "it must be yes or no; nothing was changed" in unclear.stderr
    end_of_input = on_terminal(cloud, branch, typed=b"\x04")
    assert end_of_input.returncode == 1
    assert "Traceback" not in end_of_input.stderr
    no = on_terminal(cloud, branch, typed=b"no\n")
    assert no.returncode == 0
    assert "nothing was changed" in no.stdout
    assert f"environment {suffix} (http://127.0.0.1:9)" in no.stdout
    assert branch in cloud.git.branches()
    assert facts_files(branches, suffix) == [".json", ".pem"]

    yes = on_terminal(cloud, branch, typed=b"yes\n")
    assert yes.returncode == 0, yes.stderr
    assert f"branch {branch}: nothing remains" in yes.stdout
    assert branches.remains(suffix) == []
    assert branch not in cloud.git.branches()


def test_an_unknown_branch_is_refused_with_a_list_of_branches(
    branches: Branches, branch: str
) -> None:
    branches.push(branch)

    done = destroy(branches.cloud, f"{branch}-typo", answer="yes")

    assert done.returncode == 1
    assert f"BRANCH='{branch}-typo' does not exist" in done.stderr
    assert branch in done.stderr
    branches.cloud.drop(branch)


def test_an_approval_without_a_pipeline_is_refused(branches: Branches, branch: str) -> None:
    done = command(branches.cloud, "approve", "--branch", f"{branch}-typo")

    assert done.returncode == 1
    assert f"BRANCH='{branch}-typo' has no pipeline; " in done.stderr


@pytest.mark.parametrize("deletion", ["make destroy BRANCH={}", "git push --delete {}"])
def test_a_command_that_follows_a_run_names_who_deleted_its_branch(
    branches: Branches, branch: str, deletion: str
) -> None:
    commit_environment(branches, branch, command="sleep 600")
    cloud = branches.cloud
    pushing = subprocess.Popen(
        ["git", "push", str(cloud.git.repository), f"HEAD:refs/heads/{branch}"],
        cwd=cloud.checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert pushing.stdout is not None
    output = ""
    while "Build/Synth  started" not in output:
        output += (line := pushing.stdout.readline())
        assert line, output
    if deletion.startswith("make"):
        done = destroy(cloud, branch, answer="yes")
        assert "(its run in progress will be stopped)" in done.stdout
        assert done.returncode == 0, done.stderr
    else:
        cloud.drop(branch, quiet=False)

    output += pushing.communicate()[0]

    assert f"stopped: `{deletion.format(branch)}` of user" in output
    assert f"deleted branch {branch}" in output
