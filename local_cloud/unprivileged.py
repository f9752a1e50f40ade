"""For root: runs a program as a user without privileges, because PostgreSQL refuses root.

The program keeps at most one capability of root, with which it can read its files: other users
cannot enter a checkout below a closed folder such as /root.
"""

import os
import shutil
from pathlib import Path
from typing import Final

USER_ID: Final = 65534  # nobody, on every Linux

# Either gives access to the files; numbers as in linux/capability.h. The first only reads, but
# Docker's default capabilities (and CodeBuild's) include only the second.
_FILE_ACCESS: Final = {"dac_read_search": 2, "dac_override": 1}

# Capabilities that setpriv needs to change the user.
_CHANGE_USER: Final = {"setgid": 6, "setuid": 7, "setpcap": 8}


_TRACE_OTHERS: Final = 19  # CAP_SYS_PTRACE, which Docker's default capabilities do not include


class CannotChangeUser(Exception):
    """This process cannot run a program as another user; the message says why."""


def unprivileged() -> list[str]:
    """The prefix of the command line; empty if this process is not root.

    Raises CannotChangeUser.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise CannotChangeUser("PostgreSQL refuses to run as root: install util-linux (setpriv)")
    own = _own_capabilities(Path("/proc/self/status"))
    if missing := [name for name, number in _CHANGE_USER.items() if not own & 1 << number]:
        raise CannotChangeUser(
            "PostgreSQL refuses to run as root, and this root cannot change to another user: the "
            f"capabilities {', '.join(f'CAP_{name.upper()}' for name in missing)} are missing; run "
            "as an ordinary user, or add them (docker run --cap-add)"
        )
    words = [setpriv, f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"]
    kept = "".join(f",+{name}" for name in _file_access(own))
    for capabilities in ("inh-caps", "ambient-caps", "bounding-set"):
        words.append(f"--{capabilities}=-all{kept}")
    # Without it access(2), which PostgreSQL calls, ignores the capability.
    return [*words, "--securebits=+no_setuid_fixup"]


def may_trace_others(status: Path = Path("/proc/self/status")) -> bool:
    """Whether this process may trace processes of other users, also those with other capabilities.

    Without it, a tracer needs the user of a process, and every capability that the process has.
    """
    return bool(_own_capabilities(status) & 1 << _TRACE_OTHERS)


def _own_capabilities(status: Path) -> int:
    """The mask of the capabilities that this process has and can pass on."""
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return int(lines["CapPrm"], 16) & int(lines["CapBnd"], 16)


def _file_access(own: int) -> list[str]:
    """The first capability of `_FILE_ACCESS` that `own` has, if any."""
    return [name for name, number in _FILE_ACCESS.items() if own & 1 << number][:1]


def give(path: Path) -> None:
    """Give `path` to the other user; does nothing if this process is not root."""
    if os.geteuid() == 0:
        os.chown(path, USER_ID, USER_ID)
