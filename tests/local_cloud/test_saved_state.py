"""Snapshots and journals: what was written is read again, and damage is an error that says so."""

import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud import saved_state
from local_cloud.saved_state import (
    Journal,
    StateError,
    read_snapshot,
    read_version,
    write_snapshot,
    write_version,
)


def _journal(folder: Path) -> Journal:
    return Journal(folder, "queues")


def _file(folder: Path) -> Path:
    (file,) = folder.glob("queues-*.journal")
    return file


def _read(folder: Path) -> list[Any]:
    journal = _journal(folder)
    records = list(journal.read())
    journal.close()
    return records


def _write(folder: Path, *records: Any) -> None:
    journal = _journal(folder)
    list(journal.read())
    for record in records:
        journal.append(record)
    journal.close()


def test_records_are_read_in_their_order_by_the_next_process(tmp_path: Path) -> None:
    _write(tmp_path, "a", {"b": b"\x00"})
    _write(tmp_path, ("c",))
    assert _read(tmp_path) == ["a", {"b": b"\x00"}, ("c",)]


@pytest.mark.parametrize("lost_bytes", [1, 10])
def test_a_record_that_was_not_finished_is_cut_off(tmp_path: Path, lost_bytes: int) -> None:
    """It was never acknowledged; what follows it must be readable."""
    _write(tmp_path, "a", "unfinished")
    file = _file(tmp_path)
    os.truncate(file, file.stat().st_size - lost_bytes)
    _write(tmp_path, "b")
    assert _read(tmp_path) == ["a", "b"]


def test_a_damaged_record_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    _write(tmp_path, "first", "second")
    file = _file(tmp_path)
    content = bytearray(file.read_bytes())
    content[12] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(StateError, match=r"queues-0.journal is damaged at byte 0.*make clean"):
        _read(tmp_path)


def test_a_full_disk_refuses_the_record_and_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = _journal(tmp_path)
    list(journal.read())
    journal.append("a")
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:5]))
    with pytest.raises(OSError, match="disk is full"):
        journal.append("never acknowledged")
    monkeypatch.undo()
    journal.append("b")
    journal.close()
    assert _read(tmp_path) == ["a", "b"]


def test_a_journal_that_is_rewritten_holds_what_came_afterwards(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    list(journal.read())
    journal.append("old")
    journal.rewrite(["kept"])
    journal.append("new")
    journal.close()
    assert _read(tmp_path) == ["kept", "new"]


def test_a_kill_after_a_rewrite_leaves_only_the_new_journal(tmp_path: Path) -> None:
    _write(tmp_path, "old")
    old = _file(tmp_path).read_bytes()
    journal = _journal(tmp_path)
    list(journal.read())
    journal.rewrite(["new"])
    journal.close()
    (tmp_path / "queues-0.journal").write_bytes(old)  # as if it had not been deleted yet
    assert _read(tmp_path) == ["new"]
    assert _file(tmp_path).name == "queues-1.journal"


def test_a_snapshot_is_replaced_and_read(tmp_path: Path) -> None:
    file = tmp_path / "saved" / "s3.state"
    assert read_snapshot(file) is None
    for value in ({"a": 1}, {"a": {(1, "key"): b"2"}}):
        write_snapshot(file, pickle.dumps(value))
        assert read_snapshot(file) == value
    assert file.stat().st_mode & 0o077 == 0, "it may hold secrets"
    assert list(file.parent.iterdir()) == [file]


def test_a_damaged_snapshot_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "s3.state"
    write_snapshot(file, pickle.dumps("value"))
    os.truncate(file, file.stat().st_size - 1)
    with pytest.raises(StateError, match=r"s3.state is damaged.*make clean"):
        read_snapshot(file)


def test_state_of_the_same_version_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "version.json"
    assert read_version(file) is None
    write_version(file, port=4566)
    found = read_version(file)
    assert found is not None
    assert found["port"] == 4566


def test_state_of_another_format_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "version.json"
    write_version(file)
    monkeypatch.setattr(saved_state, "_FORMAT", saved_state._FORMAT + 1)
    with pytest.raises(StateError, match=r"saved with format 1, and .* format 2.*make clean"):
        read_version(file)


def test_state_of_another_ministack_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "version.json"
    write_version(file)
    file.write_text(json.dumps({**json.loads(file.read_text()), "ministack": "0.1"}))
    with pytest.raises(StateError, match=r"saved with ministack 0\.1"):
        read_version(file)


def test_a_version_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "version.json"
    file.write_text("{")
    with pytest.raises(StateError, match="damaged"):
        read_version(file)


def test_a_rewrite_that_fails_leaves_the_journal_as_it_was_and_no_file(tmp_path: Path) -> None:
    _write(tmp_path, "a")
    journal = _journal(tmp_path)
    list(journal.read())

    def records() -> Iterator[str]:
        yield "new"
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        journal.rewrite(records())
    journal.append("b")
    journal.close()
    assert len([*tmp_path.iterdir()]) == 1
    assert _read(tmp_path) == ["a", "b"]
