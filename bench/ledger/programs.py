"""The programs of the machine that a measurement needs."""

import shutil

_PACKAGES = {"wrk": "wrk", "pgbench": "postgresql-contrib"}  # Debian's


class ProgramMissing(Exception):
    """A program of the machine is missing; the message says how to install it."""


def path_of(program: str) -> str:
    """Raises ProgramMissing."""
    found = shutil.which(program)
    if found is None:
        raise ProgramMissing(f"{program} is missing: apt-get install {_PACKAGES[program]}")
    return found


def require_all() -> None:
    """Before minutes are spent. Raises ProgramMissing."""
    for program in _PACKAGES:
        path_of(program)
