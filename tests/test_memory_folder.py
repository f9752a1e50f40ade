"""Temporary files of the tests are in memory only if there is enough of it."""

import os
import tempfile
from pathlib import Path

import pytest

from tests import memory_folder
from tests.memory_folder import use_memory


@pytest.fixture(autouse=True)
def on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose temporary files are on a disk."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(memory_folder, "FREE_BYTES_MIN", 1)


def test_temporary_files_are_in_memory_if_there_is_room(tmp_path: Path) -> None:
    folder = use_memory(tmp_path)

    assert folder is not None
    assert folder.parent == tmp_path
    assert Path(tempfile.gettempdir()) == Path(os.environ["TMPDIR"]) == folder


def test_a_child_process_uses_the_folder_of_its_parent(tmp_path: Path) -> None:
    assert use_memory(tmp_path) is not None
    assert use_memory(tmp_path) is None


def test_without_enough_room_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert use_memory(tmp_path / "missing") is None
    monkeypatch.setattr(memory_folder, "FREE_BYTES_MIN", 2**62)
    assert use_memory(tmp_path) is None
    assert Path(tempfile.gettempdir()) == tmp_path


def test_only_the_files_of_killed_processes_are_deleted(tmp_path: Path) -> None:
    gone = 2**22 + 1  # above the highest process id
    names = (f"transaction-tests-{gone}", f"transaction-tests-{os.getppid()}", "of-another-program")
    for name in names:
        (tmp_path / name).mkdir()
    folder = use_memory(tmp_path)

    assert folder is not None
    assert {path.name for path in tmp_path.iterdir()} == {*names[1:], folder.name}
