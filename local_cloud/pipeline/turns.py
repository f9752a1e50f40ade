"""One run of a pipeline at a time; of the waiting runs, only the newest one runs."""

import contextlib
import fcntl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from local_cloud.whole_file import write_whole

_POLL_SECONDS = 0.2


class Superseded(Exception):
    """A newer run started while this one waited."""


class StoppedWaiting(Exception):
    """`stop` was set while the run waited."""


def announce(folder: Path, run_id: str) -> None:
    """Make `run_id` the newest run: it supersedes a waiting one."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "newest-run", run_id)


@contextlib.contextmanager
def turn(
    folder: Path, run_id: str, *, stop: threading.Event, waiting: Callable[[], None]
) -> Iterator[None]:
    """Hold the pipeline's lock; calls `waiting` once if another run holds it.

    Call `announce` before: the order of these calls decides which run is the newest. The system
    releases the lock when the process ends. Raises Superseded or StoppedWaiting.
    """
    newest = folder / "newest-run"
    with (folder / "lock").open("a") as lock:
        is_waiting = False
        while not _try_lock(lock.fileno()):
            if not is_waiting:
                is_waiting = True
                waiting()
            if stop.wait(_POLL_SECONDS):
                raise StoppedWaiting
            if newest.read_text() != run_id:
                raise Superseded
        if is_waiting and newest.read_text() != run_id:
            raise Superseded
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
