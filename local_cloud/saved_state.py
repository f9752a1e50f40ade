"""The files in which a local cloud keeps its state: snapshots and journals, with checksums.

A snapshot is replaced as a whole. A journal grows by records; a record is in the file when `append`
returns, so it survives the death of the process. Values are pickled: only this user's own state
folder is read.
"""

import contextlib
import hashlib
import json
import os
import pickle
import struct
import uuid
import zlib
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from local_cloud.whole_file import write_whole

# Raise it when older code or newer code would misread the files.
_FORMAT: Final = 1
_FRAME: Final = struct.Struct(">II")  # length and checksum of a record


class StateError(Exception):
    """The saved state cannot be used; the message says what to do."""


def state_version() -> dict[str, Any]:
    """What must be the same when the state is read again: nothing is migrated."""
    return {"format": _FORMAT, "ministack": version("ministack")}


def write_version(file: Path, **more: Any) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(file, json.dumps({**state_version(), **more}, indent=1))


def read_version(file: Path) -> dict[str, Any] | None:
    """What `write_version` wrote; None without a file. Raises StateError for another version."""
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StateError(f"{file} is damaged ({error}). {_way_out(file)}") from error
    for name, ours in state_version().items():
        if found.get(name) != ours:
            raise StateError(
                f"{file}: the state was saved with {name} {found.get(name)}, and this checkout has "
                f"{name} {ours}. Saved state is not migrated: use the commit that wrote it, or "
                "`make clean`, which deletes all environments and their data"
            )
    return found


def write_snapshot(file: Path, content: bytes) -> None:
    """Replace `file` by a pickled value, with its checksum. It may contain secrets."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}-{uuid.uuid4().hex}")
    try:
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(hashlib.sha256(content).digest() + content)
        unfinished.replace(file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def read_snapshot(file: Path) -> Any:
    """The value of `write_snapshot`; None without a file. Raises StateError."""
    try:
        found = file.read_bytes()
    except FileNotFoundError:
        return None
    checksum, content = found[:32], found[32:]
    if hashlib.sha256(content).digest() != checksum:
        raise StateError(f"{file} is damaged: its checksum is wrong. {_way_out(file)}")
    return pickle.loads(content)


def delete_unfinished(folder: Path) -> None:
    """Delete the files that a killed process did not finish. Nobody else may write to `folder`."""
    for file in folder.glob(".*"):
        file.unlink()


class Journal:
    """Records in the order in which they were appended. Not thread-safe.

    The files are `<stem>-<number>.journal`; `rewrite` continues in a new one.
    """

    def __init__(self, folder: Path, stem: str) -> None:
        self._folder = folder
        self._stem = stem
        self._descriptor: int | None = None
        self._number = 0
        self.bytes = 0
        self.bytes_at_rewrite = 0

    def read(self) -> Iterator[Any]:
        """The records so far; afterwards it can be appended to. Raises StateError.

        An unfinished last record was never acknowledged: it is cut off.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        numbers = sorted(self._numbers())
        for old in numbers[:-1]:  # the server was killed after it had rewritten the journal
            self._file(old).unlink()
        self._number = numbers[-1] if numbers else 0
        file = self._file(self._number)
        good = 0
        if file.exists():
            content = file.read_bytes()
            for record, end in _records(file, content):
                yield record
                good = end
        self._open()
        assert self._descriptor is not None
        os.ftruncate(self._descriptor, good)
        self.bytes = self.bytes_at_rewrite = good

    def append(self, record: Any) -> None:
        """Write a record. Raises OSError, and then the journal is as it was."""
        assert self._descriptor is not None, "it was read"
        frame = _frame(record)
        try:
            if os.write(self._descriptor, frame) != len(frame):
                raise OSError(f"the disk is full: {self._file(self._number)}")
        except OSError:
            os.ftruncate(self._descriptor, self.bytes)
            raise
        self.bytes += len(frame)

    def rewrite(self, records: Iterable[Any]) -> None:
        """Replace all records by these. When it fails, the journal is as it was."""
        unfinished = self._folder / f".{self._stem}-{uuid.uuid4().hex}"
        try:
            unfinished.touch(mode=0o600)
            with unfinished.open("wb") as file:
                for record in records:
                    file.write(_frame(record))
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        before = self._file(self._number)
        self.close()
        self._number += 1
        unfinished.replace(self._file(self._number))
        before.unlink(missing_ok=True)
        self._open()
        self.bytes = self.bytes_at_rewrite = self._file(self._number).stat().st_size

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self._file(self._number), flags, 0o600)

    def _file(self, number: int) -> Path:
        return self._folder / f"{self._stem}-{number}.journal"

    def _numbers(self) -> Iterator[int]:
        for file in self._folder.glob(f"{self._stem}-*.journal"):
            with contextlib.suppress(ValueError):
                yield int(file.stem.rpartition("-")[2])


def _frame(record: Any) -> bytes:
    content = pickle.dumps(record, protocol=pickle.HIGHEST_PROTOCOL)
    return _FRAME.pack(len(content), zlib.crc32(content)) + content


def _records(file: Path, content: bytes) -> Iterator[tuple[Any, int]]:
    """Each record, and where it ends."""
    start = 0
    while start + _FRAME.size <= len(content):
        length, checksum = _FRAME.unpack_from(content, start)
        begin, end = start + _FRAME.size, start + _FRAME.size + length
        if end > len(content):
            return  # unfinished
        if zlib.crc32(content[begin:end]) != checksum:
            raise StateError(
                f"{file} is damaged at byte {start}: a checksum is wrong. {_way_out(file)}"
            )
        yield pickle.loads(content[begin:end]), end
        start = end


def _way_out(file: Path) -> str:
    return (
        f"Put a copy of {file.parent} of an earlier moment there if you have one; otherwise `make "
        "clean` deletes all environments and their data, and `make up` starts an empty account"
    )
