"""A disk that is full for some processes: strace lets their writes to files fail with ENOSPC.

A small file system would need the right to mount one. Only the calls with which PostgreSQL writes
to its data files fail; it uses others for its sockets and its log. Overwriting fails, too, as on a
thin volume or on a file system that copies on write (ZFS, Btrfs).
"""

import contextlib
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

import psutil

from local_cloud.drills.programs import CannotRun, strace
from local_cloud.server import CloudError
from local_cloud.unprivileged import may_trace_others, unprivileged

_WRITES: Final = "pwrite64,pwritev,pwritev2,fallocate"
_ATTACH_TIMEOUT_SECONDS: Final = 10.0
# strace names the request, as in "ptrace(PTRACE_SEIZE, 17): Operation not permitted".
_FORBIDDEN: Final = re.compile(r"PTRACE_\w+.*: (?:Operation not permitted|Permission denied)")


@contextlib.contextmanager
def full_disk(pid: int) -> Iterator[None]:
    """No write of this process, its children and those that they start succeeds in the block.

    Raises CannotRun if this machine does not allow it, and CloudError if it fails otherwise.
    """
    pids = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    with tempfile.TemporaryFile() as said:
        tracer = subprocess.Popen(
            [
                # Root of a container may not trace another user's process: then as that user.
                *([] if may_trace_others() else unprivileged()),
                strace(), "-f", "-qq", "-e", f"trace={_WRITES}",
                "-e", f"inject={_WRITES}:error=ENOSPC", *(f"--attach={each}" for each in pids),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )  # fmt: skip
        try:
            _wait_until_traced(tracer, pids, said)
            yield
        finally:
            tracer.terminate()  # it lets the processes go
            tracer.wait()


def _wait_until_traced(
    tracer: "subprocess.Popen[bytes]", pids: Sequence[int], said: IO[bytes]
) -> None:
    deadline = time.monotonic() + _ATTACH_TIMEOUT_SECONDS
    while not all(_is_traced(pid) for pid in pids):
        if tracer.poll() is not None or time.monotonic() > deadline:
            said.seek(0)
            lines = said.read().decode(errors="replace").splitlines() or ["it says nothing"]
            forbidden = [line for line in lines if _FORBIDDEN.search(line)]
            if forbidden:
                raise CannotRun(
                    f"strace may not trace PostgreSQL ({forbidden[-1]}): the container or the "
                    "setting kernel.yama.ptrace_scope forbids it"
                )
            raise CloudError(f"strace does not trace PostgreSQL: {lines[-1]}")
        time.sleep(0.05)


def _is_traced(pid: int) -> bool:
    """Also if it has ended: sessions come and go."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return "TracerPid:\t0\n" not in status
