"""Processor time of processes, in seconds of one core."""

import contextlib

import psutil


def tree_seconds(pid: int) -> float:
    """Of a process and its children, also of those that have ended and were waited for."""
    root = psutil.Process(pid)
    seconds = 0.0
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds
