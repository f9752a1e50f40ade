"""`aws codecommit get-branch` in a build: answered from the local git host."""

import os
import subprocess
from pathlib import Path

import pytest

from local_cloud.codebuild.environment import install_aws


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A git host with one branch, and a stub of the AWS CLI that prints its arguments."""
    root = tmp_path / "my machine"
    repository = root / "git" / "ledger.git"
    tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "--quiet", "--bare", str(repository)], check=True)
    host = ["git", "--git-dir", str(repository), *identity]
    subprocess.run([*host, "hash-object", "-t", "tree", "-w", "/dev/null"], check=True)
    made = subprocess.run(
        [*host, "commit-tree", "-m", "first", tree], capture_output=True, text=True, check=True
    )
    commit = made.stdout.strip()
    subprocess.run([*host, "update-ref", "refs/heads/feature/x", commit], check=True)
    (root / "real").mkdir()
    (root / "real/aws").write_text('#!/bin/sh\necho "real aws $*"\n')
    (root / "real/aws").chmod(0o755)
    install_aws(root / "bin", root / "git")
    return root


def aws(machine: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["aws", *arguments],
        env={"PATH": f"{machine}/bin:{machine}/real:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def get_branch(
    machine: Path, branch: str, repository: str = "ledger"
) -> "subprocess.CompletedProcess[str]":
    return aws(
        machine, "codecommit", "get-branch", "--output", "text",
        "--repository-name", repository, "--branch-name", branch,
    )  # fmt: skip


def test_an_existing_branch_is_printed_with_its_commit(machine: Path) -> None:
    done = get_branch(machine, "feature/x")

    assert done.returncode == 0
    assert done.stdout.startswith("BRANCH\tfeature/x\t")


@pytest.mark.parametrize(
    ("repository", "branch", "error"),
    [
        ("ledger", "feature/y", "BranchDoesNotExistException"),
        ("ledger", "", "BranchDoesNotExistException"),
        ("other", "feature/x", "RepositoryDoesNotExistException"),
        ("../git/ledger", "feature/x", "RepositoryDoesNotExistException"),
    ],
)
def test_a_missing_branch_or_repository_fails_with_the_error_of_the_service(
    machine: Path, repository: str, branch: str, error: str
) -> None:
    done = get_branch(machine, branch, repository)

    assert done.returncode == 254
    assert error in done.stderr


def test_other_calls_are_passed_to_the_machines_aws_cli(machine: Path) -> None:
    assert aws(machine, "s3", "ls").stdout == "real aws s3 ls\n"
