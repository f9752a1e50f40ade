"""Memory and processor time of all processes of an idle local cloud."""

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from local_cloud.paths import STATE_MARK


def idle_cost(state: Path, *, seconds: float) -> tuple[float, float]:
    """Measure for `seconds`. Returns proportional memory in GiB and percent of one core.

    `state` is the state folder of the cloud.
    """
    processes: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            if process.environ().get(STATE_MARK) == str(state):
                processes |= {p.pid: p for p in [process, *process.children(recursive=True)]}
        except psutil.Error:
            continue
    started, before = time.monotonic(), _processor_seconds(processes.values())
    time.sleep(seconds)
    watched, after = time.monotonic() - started, _processor_seconds(processes.values())
    used = sum(after[pid] - before.get(pid, 0.0) for pid in after)
    memory = 0
    for pid in after:
        with contextlib.suppress(psutil.NoSuchProcess):
            memory += processes[pid].memory_full_info().pss
    return memory / 2**30, 100 * used / watched


def _processor_seconds(processes: Iterable[psutil.Process]) -> dict[int, float]:
    """By process id, without processes that have ended."""
    found = {}
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            found[process.pid] = times.user + times.system
    return found
