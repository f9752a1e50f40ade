"""Temporary files of the tests are in memory, if this machine has enough of it.

Most are databases, and tests that start one take twice as long on a disk. No test depends on the
disk: the drills, on a disk, prove what must survive a crash.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")  # nosec B108 # we create a folder of our own in it
FREE_BYTES_MIN: Final = 4 * 2**30  # a container often has 64 MiB
_PREFIX: Final = "transaction-tests-"


def use_memory(memory: Path = MEMORY) -> Path | None:
    """Let this process and those it starts keep temporary files in a new folder in `memory`.

    Returns the folder, or None if there is no room, if programs may not be started from it, or if
    a parent process has done it. Deletes the folders of processes that were killed.
    """
    if Path(tempfile.gettempdir()).name.startswith(_PREFIX) or not _has_room(memory):
        return None
    for old in memory.glob(f"{_PREFIX}*"):
        if not Path("/proc", old.name.removeprefix(_PREFIX)).exists():
            shutil.rmtree(old, ignore_errors=True)
    folder = memory / f"{_PREFIX}{os.getpid()}"
    folder.mkdir()
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None  # determined again, with this folder
    return folder


def _has_room(memory: Path) -> bool:
    try:
        system = os.statvfs(memory)
    except OSError:
        return False
    may_start_programs = not system.f_flag & os.ST_NOEXEC
    return may_start_programs and system.f_bavail * system.f_frsize >= FREE_BYTES_MIN
