"""Processes that hang: stopped with SIGSTOP, they live and hold sockets, but answer nothing."""

import contextlib
import signal
import time
from collections.abc import Sequence

import psutil

from local_cloud.server import CloudError

_STOPS_WITHIN_SECONDS = 5.0


class StoppedProcesses:
    """A process and its descendants, stopped until `resume` or the end of the `with` block."""

    def __init__(self, pid: int) -> None:
        """Raises CloudError if a process does not stop; then all of them continue."""
        first = psutil.Process(pid)
        self._processes = [first]
        try:
            self._stop(first)
        except BaseException:
            self.resume()  # without an object, nobody else can
            raise

    def _stop(self, first: psutil.Process) -> None:
        # The parent first: after that it starts no further processes.
        first.send_signal(signal.SIGSTOP)
        for child in first.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.send_signal(signal.SIGSTOP)
                self._processes.append(child)
        _wait_until_stopped(self._processes)

    def __len__(self) -> int:
        return len(self._processes)

    def __enter__(self) -> "StoppedProcesses":
        return self

    def __exit__(self, *_: object) -> None:
        self.resume()

    def left(self) -> list[psutil.Process]:
        """Those that still exist; another process with a reused id is not one of them."""
        return [p for p in self._processes if _status(p) not in (None, psutil.STATUS_ZOMBIE)]

    def are_stopped(self) -> bool:
        return all(_status(process) == psutil.STATUS_STOPPED for process in self._processes)

    def resume(self) -> list[int]:
        """SIGCONT to those that still exist; returns their process ids."""
        resumed = []
        for process in self.left():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)
                resumed.append(process.pid)
        return resumed


def _status(process: psutil.Process) -> str | None:
    """None if it has ended."""
    try:
        return str(process.status()) if process.is_running() else None
    except psutil.NoSuchProcess:
        return None


def _wait_until_stopped(processes: Sequence[psutil.Process]) -> None:
    deadline = time.monotonic() + _STOPS_WITHIN_SECONDS
    for process in processes:
        while _status(process) != psutil.STATUS_STOPPED:
            if time.monotonic() > deadline:
                raise CloudError(f"process {process.pid} was not stopped: it is {_status(process)}")
            time.sleep(0.01)
