"""The processor time of each part of a running local cloud."""

import contextlib
import json
from collections import Counter

import psutil

from local_cloud.paths import CloudPaths

_FUNCTION = "AWS_LAMBDA_FUNCTION_NAME"
_OTHER = "other"


class CloudProcesses:
    """Parts: the emulator (queues, tables, buckets and the pollers of functions), each function,
    the service's tasks, and the servers of each database."""

    def __init__(self, paths: CloudPaths, *, emulator: int, suffix: str) -> None:
        self._emulator = psutil.Process(emulator)
        self._suffix = suffix
        self._databases = {
            int(server["pid"]): f"PostgreSQL {server['role']}"
            for file in paths.databases.glob(f"*{suffix}.json")
            for server in json.loads(file.read_text())
        }
        self._parts: dict[int, str] = {}
        self._seen: dict[int, float] = {}

    def seconds(self) -> Counter[str]:
        """Used since the cloud started, by part; processes that have ended count with what they had
        used when they were seen last."""
        for process in [self._emulator, *self._emulator.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                self._seen[process.pid] = times.user + times.system
                if process.pid not in self._parts:
                    self._parts[process.pid] = self._part(process)
        found: Counter[str] = Counter()
        for pid, seconds in self._seen.items():
            found[self._parts.get(pid, _OTHER)] += seconds  # type: ignore[assignment]
        return found

    def _part(self, process: psutil.Process) -> str:
        if process == self._emulator:
            return "emulator"
        for ancestor in (process, *process.parents()):
            if ancestor.pid in self._databases:
                return self._databases[ancestor.pid]
        environment = process.environ()
        if _FUNCTION in environment:
            return environment[_FUNCTION].removesuffix(f"-{self._suffix}")
        return "service" if "app_service" in process.cmdline() else _OTHER
