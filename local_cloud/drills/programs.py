"""The programs and libraries of the machine that some drills need."""

import os
import shutil
from pathlib import Path
from typing import Final

from local_cloud.server import CloudError

# Of `make`'s own codes, and those of a drill that fails, none is this one; automake uses it for a
# test that was skipped.
CANNOT_RUN: Final = 77

_FAKETIME: Final = "faketime/libfaketime.so.1"
_LIBRARY_FOLDERS: Final = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
)


class CannotRun(CloudError):
    """This machine lacks what the drill needs; the message says what, and how to get it."""


def strace() -> str:
    """Raises CannotRun."""
    found = shutil.which("strace")
    if found is None:
        raise CannotRun("strace is missing: apt-get install strace")
    return found


def faketime_library() -> Path:
    """The library of LIBFAKETIME, or the one of Debian's package. Raises CannotRun."""
    named = os.environ.get("LIBFAKETIME")
    files = [Path(named)] if named else [Path(folder, _FAKETIME) for folder in _LIBRARY_FOLDERS]
    for file in files:
        if file.is_file():
            return file.resolve()
    if named:
        raise CannotRun(f"LIBFAKETIME={named}: there is no such file")
    raise CannotRun(
        "libfaketime is missing: apt-get install libfaketime, or set LIBFAKETIME to its file"
    )
