"""Several commands write and delete files of facts at the same time."""

import shutil
from pathlib import Path

import pytest

from local_cloud import facts
from local_cloud.facts import forget_stacks, write_facts
from local_cloud.paths import CloudPaths
from local_cloud.whole_file import write_whole

MINE = {"suffix": "mine-0a1b2c", "stack": "transaction-mine-0a1b2c", "ApiCertificate": "pem"}


def test_a_deletion_continues_when_another_command_deletes_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = CloudPaths(tmp_path)
    gone = {"suffix": "gone-0a1b2c", "stack": "transaction-gone-0a1b2c"}
    write_facts(paths, gone)
    write_facts(paths, dict(MINE))
    read_text = Path.read_text

    def read_late(file: Path) -> str:
        if file.stem == gone["suffix"]:
            file.unlink()
        return read_text(file)

    monkeypatch.setattr(Path, "read_text", read_late)
    forget_stacks(paths, [MINE["stack"]])
    assert list(paths.environments.iterdir()) == []


def test_facts_are_written_when_the_folder_is_deleted_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that starts deletes the folder of the earlier server."""
    paths = CloudPaths(tmp_path)
    write_facts(paths, dict(MINE))

    removals = [paths.environments]

    def write_late(file: Path, text: str) -> None:
        while removals:
            shutil.rmtree(removals.pop())
        write_whole(file, text)

    monkeypatch.setattr(facts, "write_whole", write_late)
    changed = {**MINE, "ApiCertificate": "another"}
    written = write_facts(paths, changed)
    assert set(paths.environments.iterdir()) == written
