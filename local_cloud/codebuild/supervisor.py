"""The parent process of one build: runs its phases, and ends every process that they started.

Run as a file: `supervisor.py <state folder> <parent's pid>`. It reads `plan.json` (phases with
commands) and writes `result.json` in the folder. Commands write to this process's output.

The processes of a container end with it. Here the supervisor adopts orphans of the build (Linux:
child subreaper), and ends all descendants after the phases, on SIGTERM, and when the process that
started the build dies.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_GRACE_SECONDS = 5.0
_SHELL = Path(__file__).with_name("command.sh")


class _Stopped(Exception):
    """A signal stopped the build."""


def main(folder: Path, parent: int) -> int:
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        if os.getppid() != parent:
            raise _Stopped  # the parent died before prctl was called
        result = _run_phases(json.loads((folder / "plan.json").read_text()), folder)
        (folder / "result.json").write_text(json.dumps(result))
    except _Stopped:
        log("Build stopped: ending its processes")
        return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        end_descendants()
    return 0


def log(text: str) -> None:
    print(f"[Container] {time.strftime('%H:%M:%S')} {text}", flush=True)


def end_descendants() -> None:
    """Send SIGTERM to every descendant; after a few seconds SIGKILL."""
    deadline = time.monotonic() + _GRACE_SECONDS
    asked: set[int] = set()
    while alive := _descendants():
        is_late = time.monotonic() > deadline
        for process in alive:
            if is_late or process.pid not in asked:
                asked.add(process.pid)
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL if is_late else signal.SIGTERM)
        time.sleep(0.02)


def _descendants() -> list[psutil.Process]:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass  # a zombie would be counted as alive for ever
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _stop(number: int, _: object) -> None:
    raise _Stopped(number)


def _run_phases(plan: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A failure ends the build, except that POST_BUILD runs after a failed BUILD."""
    failure: dict[str, Any] | None = None
    phases = []
    for phase in plan["phases"]:
        if failure is not None and (failure["phase"], phase["name"]) != ("build", "post_build"):
            continue
        started = time.time()
        log(f"Entering phase {phase['name'].upper()}")
        failed = _run(phase["commands"], folder, succeeding=failure is None)
        finally_failed = _run(
            phase["finally"], folder, succeeding=failure is None and failed is None
        )
        failed = failed or finally_failed
        state = "FAILED" if failed else "SUCCEEDED"
        log(f"Phase complete: {phase['name'].upper()} State: {state}")
        phases.append({"name": phase["name"], "state": state, "seconds": time.time() - started})
        if failed and not phase["continues_on_failure"] and failure is None:
            failure = {"phase": phase["name"], **failed}
    return {"phases": phases, "failure": failure}


def _run(commands: list[str], folder: Path, *, succeeding: bool) -> dict[str, Any] | None:
    """Run the commands until one fails; returns that command with its exit code."""
    for command in commands:
        log(f"Running command {command}")
        process = subprocess.Popen(
            ["bash", str(_SHELL), str(folder), command, "1" if succeeding else "0"],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        code = _wait(process.pid)
        if code != 0:
            log(f"Command did not exit successfully {command} exit status {code}")
            return {"command": command, "exit_code": code}
    return None


def _wait(pid: int) -> int:
    """Wait for `pid`; reap orphans that die meanwhile."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
