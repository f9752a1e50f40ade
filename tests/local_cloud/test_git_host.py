"""The git host: pushes, clones, and its hooks."""

import subprocess
from pathlib import Path

import pytest

from local_cloud.git_host import GitHost, current_branch, is_dirty
from local_cloud.server import CloudError


def git(*arguments: str, cwd: Path) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True, text=True
    )
    return done.stdout + done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "a checkout"
    folder.mkdir()
    git("init", "--quiet", "--initial-branch=feature/Ünïcode", cwd=folder)
    (folder / "file").write_text("committed")
    git("add", ".", cwd=folder)
    git("commit", "--quiet", "-m", "first", cwd=folder)
    return folder


@pytest.fixture
def host(tmp_path: Path) -> GitHost:
    host = GitHost(tmp_path / "state dir" / "x.git", state=tmp_path / "state dir")
    host.ensure()
    host.ensure()
    return host


def test_the_commit_is_delivered_and_not_the_dirty_tree(
    host: GitHost, checkout: Path, tmp_path: Path
) -> None:
    (checkout / "file").write_text("changed")
    assert is_dirty(checkout)
    branch, commit = host.push_head(checkout)
    assert branch == "feature/Ünïcode"
    assert host.branches() == {branch: commit}
    host.clone(branch, commit, tmp_path / "clone")
    assert (tmp_path / "clone" / "file").read_text() == "committed"
    assert current_branch(tmp_path / "clone") == branch


def test_a_detached_head_has_a_branch_name(host: GitHost, checkout: Path) -> None:
    git("checkout", "--quiet", "--detach", cwd=checkout)
    branch, commit = host.push_head(checkout)
    assert branch == f"detached-{commit[:12]}"


def test_a_folder_without_a_commit_is_refused(host: GitHost, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git("init", "--quiet", cwd=empty)
    with pytest.raises(CloudError, match="no commit yet"):
        host.push_head(empty)


def test_deleting_a_missing_branch_fails_and_lists_the_branches(
    host: GitHost, checkout: Path
) -> None:
    """git itself reports success when the branch is named in full."""
    host.push_head(checkout)
    push = ["push", str(host.repository), ":refs/heads/typo"]
    with pytest.raises(subprocess.CalledProcessError) as refused:
        git(*push, cwd=checkout)
    assert "there is no branch typo to delete; the branches are:" in refused.value.stderr
    assert "  feature/Ünïcode" in refused.value.stderr
    git("push", str(host.repository), ":refs/heads/feature/Ünïcode", cwd=checkout)
    assert host.branches() == {}


def test_deleting_a_missing_tag_does_not_reject_other_references(
    host: GitHost, checkout: Path
) -> None:
    """As at GitHub: only branches have environments."""
    branch = "refs/heads/feature/Ünïcode"
    output = git("push", str(host.repository), f"HEAD:{branch}", ":refs/tags/typo", cwd=checkout)
    assert "there is no branch" not in output
    assert "feature/Ünïcode" in host.branches()


def test_a_push_is_stored_when_the_local_cloud_does_not_run(host: GitHost, checkout: Path) -> None:
    """The hook tells the user through git how to start it."""
    host.add_remote(checkout)
    host.add_remote(checkout)
    output = git("push", "local", "feature/Ünïcode", cwd=checkout)
    assert "make up" in output
    assert "feature/Ünïcode" in host.branches()
