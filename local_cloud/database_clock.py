"""The clock of the database servers: a drill lets it jump, by Debian's libfaketime.

The library must be loaded when a server starts, so the emulator starts servers with it from
`attach` on. The time between two events (CLOCK_MONOTONIC) stays true.
"""

from collections.abc import Sequence
from pathlib import Path

from local_cloud.whole_file import write_whole

_SHARED_MEMORY = Path("/dev/shm")


class DatabaseClock:
    """Two files of a folder: the library, and by how many seconds the clock is wrong."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / "library"
        self._offset = folder / "offset"

    def attach(self, library: Path) -> None:
        """Servers that start from now on have this clock; it is right until it jumps."""
        self._library.parent.mkdir(parents=True, exist_ok=True)
        self.jump_to(0)
        write_whole(self._library, str(library))

    def detach(self) -> None:
        """Servers that start from now on have the true clock; the others' clock is right again."""
        self._library.unlink(missing_ok=True)
        self.jump_to(0)

    def jump_to(self, offset_seconds: int) -> None:
        write_whole(self._offset, f"{offset_seconds:+d}\n")

    def launcher(self) -> Sequence[str]:
        """The words before a server's program; empty if it gets the true clock."""
        try:
            library = self._library.read_text()
        except FileNotFoundError:
            return ()
        return (
            "env",
            f"LD_PRELOAD={library}",
            f"FAKETIME_TIMESTAMP_FILE={self._offset}",
            "FAKETIME_NO_CACHE=1",  # all sessions jump at once
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "NO_FAKE_STAT=1",
        )


def remove_shared_memory(pid: int) -> None:
    """The library leaves it when its process was killed."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        (_SHARED_MEMORY / name).unlink(missing_ok=True)
