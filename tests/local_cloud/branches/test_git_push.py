"""`git push` and `git push --delete` from the hook to the pipeline's run."""

import os
import subprocess
import sys
import uuid

import pytest

from lambda_src.shared.branch_suffix import suffix_of_branch
from local_cloud.paths import ROOT
from tests.local_cloud.branches.hub import Branches, pipeline_template


@pytest.fixture
def branch() -> str:
    return f"feature/{uuid.uuid4().hex[:8]}"


def local_cloud(branches: Branches, *arguments: str, exit_code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "local_cloud", *arguments],
        cwd=ROOT,
        env={**os.environ, "LOCAL_STATE": str(branches.cloud.paths.state)},
        check=False,
        capture_output=True,
        text=True,
    )
    said = done.stdout + done.stderr
    assert done.returncode == exit_code, said
    return said


def commit(branches: Branches, branch: str, command: str) -> None:
    branches.write({"pipeline.json": pipeline_template(branch, command)})
    branches.cloud.commit(branch)


def test_s8_a_push_creates_and_runs_the_pipeline_and_a_deletion_leaves_nothing(
    branches: Branches, branch: str
) -> None:
    suffix = suffix_of_branch(branch)
    commit(branches, branch, "test -e pipeline.json || true")
    said = branches.cloud.push_reference(f"HEAD:refs/heads/{branch}", quiet=False)
    assert f"environment {suffix} is created" in said
    assert "Build/Synth  Succeeded" in said
    assert f"transaction-pipeline-{suffix} Succeeded" in said
    shown = local_cloud(branches, "status")
    row = next(line for line in shown.splitlines() if line.strip().startswith(branch))
    assert suffix in row
    assert "live" in row
    assert branches.record(suffix)["expires_at"] in row
    said = branches.cloud.push_reference(f":refs/heads/{branch}", quiet=False)
    assert f"branch {branch}: nothing remains" in said
    assert branches.remains(suffix) == []


def test_s4_git_push_shows_a_failed_build(branches: Branches, branch: str) -> None:
    commit(branches, branch, "exit 5")
    said = branches.cloud.push_reference(f"HEAD:refs/heads/{branch}", quiet=False)
    assert "exit code 5" in said
    assert f"FAILED: {branch}; to run the same commit again: make retry BRANCH={branch}" in said
    assert "git push itself exits with 0" in said
    assert "nothing remains" in local_cloud(
        branches, "destroy", "--branch", branch, "--answer", "yes"
    )
    assert branches.remains(suffix_of_branch(branch)) == []
    assert branch not in branches.cloud.git.branches()


def test_s4_a_retry_runs_the_newest_commit_again_without_a_push(
    branches: Branches, branch: str
) -> None:
    mark = branches.cloud.paths.state / f"mark-{uuid.uuid4().hex}"
    commit(branches, branch, f'test -e "{mark}"')
    branches.cloud.push_reference(f"HEAD:refs/heads/{branch}", quiet=False)
    again = local_cloud(branches, "retry", "--branch", branch, exit_code=1)
    assert "Build/Synth failed" in again
    mark.touch()
    again = local_cloud(branches, "retry", "--branch", branch)
    assert f"transaction-pipeline-{suffix_of_branch(branch)} Succeeded" in again
    runs = branches.cloud.aws.codepipeline.list_pipeline_executions(
        pipelineName=f"transaction-pipeline-{suffix_of_branch(branch)}"
    )["pipelineExecutionSummaries"]
    assert [run["status"] for run in runs] == ["Succeeded", "Failed", "Failed"]
    branches.delete(branch)


def test_s8_a_retry_creates_a_missing_pipeline(branches: Branches, branch: str) -> None:
    fails = branches.cloud.checkout / "fails"
    fails.touch()
    commit(branches, branch, "true")
    fails.unlink()
    said = branches.cloud.push_reference(f"HEAD:refs/heads/{branch}", quiet=False)
    assert f"make retry BRANCH={branch}" in said
    local_cloud(branches, "retry", "--branch", branch, exit_code=1)
    assert len(branches.executions(branch, branches.hub.create_machine)) == 2
    branches.delete(branch)


def test_a_retry_of_an_unknown_branch_lists_those_with_a_pipeline(
    branches: Branches, branch: str
) -> None:
    commit(branches, branch, "true")
    branches.cloud.push_reference(f"HEAD:refs/heads/{branch}", quiet=False)
    said = local_cloud(branches, "retry", "--branch", "typo", exit_code=1)
    assert "BRANCH='typo' is not a branch of the git host" in said
    assert branch in said.partition("Branches that have a pipeline: ")[2]
    branches.delete(branch)
