"""The files that one request changes: what was there before comes back if the request fails.

Each file is noted, and its old contents are linked to a second name, before it changes. So a failed
request is undone, and so is one that a killed process did not finish: at the next start.
"""

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from local_cloud.saved_state import StateError

_OLD = ".before.tmp"  # MiniStack ignores names that end so when it reads its files


class FileChanges:
    """`keep` or `undo` ends it."""

    def __init__(self, note: Path) -> None:
        self._note = note
        self._places: dict[str, None] = {}

    def before_change(self, place: str) -> None:
        """Call it before a file is written or deleted. Raises OSError."""
        if place in self._places:
            return
        existed = Path(place).is_file()
        old = Path(place + _OLD)
        old.unlink(missing_ok=True)  # of an earlier request
        with self._note.open("a") as note:
            # Relative, so that a copy of the whole state folder is complete in itself.
            note.write(json.dumps([os.path.relpath(place, self._note.parent), existed]) + "\n")
        if existed:
            os.link(place, old)
        self._places[place] = None

    def keep(self) -> None:
        """From here on the new contents count, also after a kill."""
        self._note.unlink(missing_ok=True)
        for place in self._places:
            with contextlib.suppress(OSError):  # it is ignored, and replaced by the next change
                Path(place + _OLD).unlink(missing_ok=True)

    def undo(self) -> None:
        """Raises OSError; then the next start tries again."""
        undo_unfinished(self._note)


def undo_unfinished(note: Path) -> None:
    """Bring back what was there before a request that did not end. Raises StateError, OSError."""
    if not note.exists():
        return
    # The change of a line that is not complete had not begun.
    *lines, _ = note.read_text().split("\n")
    for name, existed in reversed([*_read(note, lines)]):
        place = note.parent / name
        if not existed:
            place.unlink(missing_ok=True)
            continue
        old = Path(f"{place}{_OLD}")
        if old.exists():  # otherwise the change had not begun, or is undone
            old.replace(place)
    note.unlink()


def _read(note: Path, lines: Iterable[str]) -> Iterable[tuple[str, bool]]:
    for line in lines:
        try:
            name, existed = json.loads(line)
        except ValueError as error:
            raise StateError(
                f"{note} is damaged: it names the files of one unfinished request to S3. Delete it"
                " to start; an object of that request may then have files of two versions"
            ) from error
        yield name, existed
