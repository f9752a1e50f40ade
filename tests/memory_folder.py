"""Temporary files of the tests lie in memory where this machine has room for them there.

They are databases above all, and a disk makes the tests that start one take twice as long. Nothing
that a test asks is about the disk: what must outlive a crash is proved by the drills, on a disk.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")  # nosec B108 # a folder of our own is made in it
FREE_BYTES_MIN: Final = 4 * 2**30  # a container often has 64 MiB
_PREFIX: Final = "transaction-tests-"


def use_memory(memory: Path = MEMORY) -> Path | None:
    """Let this process and those it starts keep temporary files in a new folder in `memory`.

    Returns the folder, or None where there is no room or programs may not be started from it, and
    where a process above has done it. Folders of processes that were killed go.
    """
    if Path(tempfile.gettempdir()).name.startswith(_PREFIX) or not _has_room(memory):
        return None
    for old in memory.glob(f"{_PREFIX}*"):
        if not Path("/proc", old.name.removeprefix(_PREFIX)).exists():
            shutil.rmtree(old, ignore_errors=True)
    folder = memory / f"{_PREFIX}{os.getpid()}"
    folder.mkdir()
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None  # asked for again, with this folder
    return folder


def _has_room(memory: Path) -> bool:
    try:
        system = os.statvfs(memory)
    except OSError:
        return False
    may_start_programs = not system.f_flag & os.ST_NOEXEC
    return may_start_programs and system.f_bavail * system.f_frsize >= FREE_BYTES_MIN
