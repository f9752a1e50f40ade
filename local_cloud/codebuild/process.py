"""Starts the supervisor of a build, waits for it, and ends it at a stop or a timeout."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from local_cloud.codebuild import supervisor
from local_cloud.codebuild.buildspec import Buildspec

_END_TIMEOUT_SECONDS = 20
_POLL_SECONDS = 0.1


class BuildFailed(Exception):
    """The build failed; the message names the step, the log has the details."""


class BuildStopped(Exception):
    """The caller stopped the build; none of its processes is left."""


def run_phases(
    buildspec: Buildspec,
    *,
    environment: Mapping[str, str],
    source: Path,
    state: Path,
    log_file: Path,
    timeout_minutes: int,
    stop: threading.Event,
) -> dict[str, str]:
    """Run every phase in the folder `source`; returns the environment after the last command.

    `state` is a new folder for files of the supervisor. Raises BuildFailed, BuildStopped.
    """
    _write_plan(buildspec, state)
    deadline = time.monotonic() + 60 * timeout_minutes
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", supervisor.__file__, str(state), str(os.getpid())],
            cwd=source,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        while process.poll() is None and not stop.is_set():
            if time.monotonic() > deadline:
                raise BuildFailed(f"timed out after {timeout_minutes} minutes")
            stop.wait(_POLL_SECONDS)
    finally:
        _end(process)
    if stop.is_set():
        raise BuildStopped
    _raise_failure(state / "result.json")
    return _final_environment(state / "environment", environment)


def _write_plan(buildspec: Buildspec, state: Path) -> None:
    phases = [
        {
            "name": phase.name,
            "commands": phase.commands,
            "finally": phase.finally_commands,
            "continues_on_failure": phase.continues_on_failure,
        }
        for phase in buildspec.phases
    ]
    state.mkdir(parents=True)
    (state / "plan.json").write_text(json.dumps({"phases": phases}))


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _raise_failure(result: Path) -> None:
    if not result.exists():
        raise BuildFailed("another process killed the build")
    failure = json.loads(result.read_text())["failure"]
    if failure is not None:
        raise BuildFailed(
            f"phase {failure['phase'].upper()}: `{_first_line(failure['command'])}`"
            f" ended with exit code {failure['exit_code']}"
        )


def _first_line(command: str) -> str:
    first, *rest = command.strip().splitlines() or [""]
    return first[:200] + (" ..." if rest or len(first) > 200 else "")


def _final_environment(file: Path, at_start: Mapping[str, str]) -> dict[str, str]:
    if not file.exists():  # a buildspec without commands
        return dict(at_start)
    pairs = file.read_bytes().decode(errors="surrogateescape").split("\0")
    return dict(pair.partition("=")[::2] for pair in pairs if pair)
