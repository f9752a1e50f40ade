"""Hands a program to a user without privileges: PostgreSQL refuses to run as root.

Where this process runs as root, the program keeps at most one right of root: to reach its files,
because a checkout below a closed folder such as /root is out of reach for every other user.
"""

import os
import shutil
from pathlib import Path
from typing import Final

USER_ID: Final = 65534  # nobody, on every Linux

# By which the files are reached; numbers as in linux/capability.h. The first reads only, but a
# container with Docker's default capabilities (CodeBuild's, too) has the second alone.
_REACHING: Final = {"dac_read_search": 2, "dac_override": 1}

# What setpriv itself needs to change to the other user.
_CHANGING: Final = {"setgid": 6, "setuid": 7, "setpcap": 8}


class CannotChangeUser(Exception):
    """This machine has no means to run a program as another user."""


def unprivileged() -> list[str]:
    """The words to put before a command line; none where this process is not root.

    Raises CannotChangeUser.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise CannotChangeUser("PostgreSQL refuses to run as root: install util-linux (setpriv)")
    own = _own_capabilities(Path("/proc/self/status"))
    if missing := [name for name, number in _CHANGING.items() if not own & 1 << number]:
        raise CannotChangeUser(
            "PostgreSQL refuses to run as root, and this root cannot change to another user: the "
            f"capabilities {', '.join(f'CAP_{name.upper()}' for name in missing)} are missing; run "
            "as an ordinary user, or add them (docker run --cap-add)"
        )
    words = [setpriv, f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"]
    kept = "".join(f",+{name}" for name in _reaching(own))
    for capabilities in ("inh-caps", "ambient-caps", "bounding-set"):
        words.append(f"--{capabilities}=-all{kept}")
    # Without it access(2) ignores the capability, and PostgreSQL asks access(2).
    return [*words, "--securebits=+no_setuid_fixup"]


def _own_capabilities(status: Path) -> int:
    """The mask of the capabilities that this process has and can hand on."""
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return int(lines["CapPrm"], 16) & int(lines["CapBnd"], 16)


def _reaching(own: int) -> list[str]:
    """The capability by which the files are reached; empty where `own` has neither."""
    return [name for name, number in _REACHING.items() if own & 1 << number][:1]


def give(path: Path) -> None:
    """Let the other user own `path`; nothing to do where this process is not root."""
    if os.geteuid() == 0:
        os.chown(path, USER_ID, USER_ID)
