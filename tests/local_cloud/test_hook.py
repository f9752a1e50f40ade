"""The hook announces every push, also when a step before fails."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local_cloud import hook
from local_cloud.branch_hub.webhook import Push
from local_cloud.paths import CloudPaths

COMMIT, NOTHING = "1" * 40, "0" * 40
Pushed = Callable[..., list[str]]


@pytest.fixture
def pushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pushed:
    """Runs the hook for updates of references; returns the references that were announced."""
    announced: list[str] = []

    def announce(_: object, __: object, ___: object, push: Push) -> None:
        announced.append(push.reference)

    def run(*lines: str) -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        assert hook.main() == 0
        return announced

    class Cloud:
        endpoint_url = "http://127.0.0.1:9"

    monkeypatch.setenv("LOCAL_STATE", str(tmp_path))
    monkeypatch.setattr(hook, "running_cloud", lambda _: Cloud())
    monkeypatch.setattr(hook, "find_hub", lambda _: None)
    monkeypatch.setattr(hook, "announce", announce)
    CloudPaths(tmp_path).deletions.parent.mkdir()
    return run


def test_a_deletion_is_announced_when_it_cannot_be_recorded(
    pushed: Pushed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """git has deleted the branch already: nothing else deletes its environment."""
    file = CloudPaths(tmp_path).deletions
    file.mkdir()
    assert pushed(f"{COMMIT} {NOTHING} refs/heads/x") == ["refs/heads/x"]
    assert f"{file} cannot be written" in capsys.readouterr().out


def test_only_the_deletion_of_a_branch_is_recorded(pushed: Pushed, tmp_path: Path) -> None:
    pushed(f"{COMMIT} {NOTHING} refs/tags/v1", f"{COMMIT} {NOTHING} refs/heads/x")
    (line,) = CloudPaths(tmp_path).deletions.read_text().splitlines()
    assert "git push --delete x" in line
