"""Changes of files that take effect together or not at all, also when the process is killed.

New contents are written beside their places. Before the first file takes its place, all changes are
noted in one file: what a killed process left undone is done at the next start.
"""

import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_cloud.saved_state import read_snapshot, write_snapshot


@dataclass(kw_only=True)
class FileChanges:
    """What a request changes. `decide` or `discard` ends it; `apply` follows on `decide`."""

    note: Path
    unfinished: dict[str, str] = field(default_factory=dict)  # the file beside each place
    deleted: dict[str, None] = field(default_factory=dict)

    def write(self, place: str, content: Any, *, is_text: bool) -> None:
        """Raises OSError."""
        self.deleted.pop(place, None)
        file = self.unfinished[place] = f"{place}.tmp"  # MiniStack ignores the name at a start
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w" if is_text else "wb") as opened:
            opened.write(content)

    def delete(self, place: str) -> None:
        file = self.unfinished.pop(place, None)
        if file is not None:
            Path(file).unlink(missing_ok=True)
        self.deleted[place] = None

    def decide(self) -> None:
        """From now on the changes are made, after a kill at the next start. Raises OSError."""
        if self._affects_what_exists():
            changes = (self.unfinished, [*self.deleted])
            write_snapshot(self.note, pickle.dumps(changes))

    def apply(self) -> None:
        _apply(self.unfinished, [*self.deleted])
        self.note.unlink(missing_ok=True)

    def discard(self) -> None:
        for file in self.unfinished.values():
            Path(file).unlink(missing_ok=True)

    def _affects_what_exists(self) -> bool:
        """A new object needs no note: until its last file is in place, it does not exist."""
        return bool(self.deleted) or any(Path(place).exists() for place in self.unfinished)


def complete(note: Path) -> None:
    """Make the changes that a killed process had decided. Raises StateError for a damaged note."""
    changes = read_snapshot(note)
    if changes is not None:
        _apply(*changes)
        note.unlink()


def _apply(unfinished: dict[str, str], deleted: list[str]) -> None:
    # The sidecar with the metadata first: it is nothing without the file with the contents.
    for place in sorted(unfinished, key=lambda place: not place.endswith(".meta.json")):
        file = Path(unfinished[place])
        if file.exists():  # otherwise it was done before the kill
            file.replace(place)
    for place in deleted:
        Path(place).unlink(missing_ok=True)
