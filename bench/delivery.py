"""How long a delivery takes on this machine, and what the local cloud costs while idle.

    make bench-delivery

Works on a fresh clone of the current commit with a state folder of its own, and writes
`bench/results/delivery.md`. Nothing is decided here: a benchmark measures.
"""

import contextlib
import datetime as dt
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from local_cloud.paths import ROOT, STATE_MARK

_IDLE_SECONDS = 30
_BRANCH = "feature/measured"


def main() -> int:
    commit = _output("git", "rev-parse", "--short=12", "HEAD")
    rows: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="bench-delivery-") as folder:
        checkout, state = Path(folder) / "checkout", Path(folder) / "state"
        environment = {**os.environ, "LOCAL_STATE": str(state)}
        _run(environment, ROOT, "git", "clone", "--quiet", str(ROOT), str(checkout))
        for tools in (".venv", "node_modules"):
            (checkout / tools).symlink_to((ROOT / tools).resolve())
        try:
            first = _run(environment, checkout, "make", "up")
            rows.append(("`make up`, everything installed", f"{first:.0f} s", "120 s"))
            change = checkout / "app_service" / "ledger" / "health.py"
            change.write_text(change.read_text() + "\n\n# measured\n")
            _run(environment, checkout, *_GIT, "commit", "--quiet", "-am", "measured")
            push = _run(
                environment, checkout, "git", "push", "local", "HEAD", expected="Succeeded after"
            )
            rows.append(("push of a change to `app_service` only", f"{push:.0f} s", "90 s"))
            memory, cpu = _idle(state)
            rows.append(("idle: memory of all processes (PSS)", f"{memory:.2f} GiB", "1.5 GiB"))
            rows.append(("idle: processor", f"{cpu:.1f} % of a core", "10 %"))
            made = _run(
                environment, checkout, "git", "push", "local", f"HEAD:refs/heads/{_BRANCH}",
                expected="Succeeded after",
            )  # fmt: skip
            rows.append(("push of a new branch to its green pipeline", f"{made:.0f} s", "150 s"))
            unmade = _run(
                environment, checkout, "git", "push", "local", "--delete", _BRANCH,
                expected="nothing remains",
            )  # fmt: skip
            rows.append(("its deletion to nothing left", f"{unmade:.0f} s", "60 s"))
            removed = _run(environment, checkout, "make", "destroy", "ANSWER=yes")
            rows.append(("`make destroy` to nothing left", f"{removed:.0f} s", ""))
        finally:
            _run(environment, checkout, "make", "down")
    report = _report(rows, commit)
    (ROOT / "bench" / "results" / "delivery.md").write_text(report)
    print(report)
    return 0


_GIT = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.invalid")


def _run(environment: dict[str, str], folder: Path, *command: str, expected: str = "") -> float:
    """Seconds the command took; ends the benchmark if it failed or did not say `expected`."""
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 or expected not in done.stdout + done.stderr:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return time.monotonic() - started


def _output(*command: str) -> str:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def _idle(state: Path) -> tuple[float, float]:
    """Proportional memory in GiB and percent of one core of every process of the cloud."""
    processes: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            if process.environ().get(STATE_MARK) == str(state):
                processes |= {p.pid: p for p in [process, *process.children(recursive=True)]}
        except psutil.Error:
            continue
    started, before = time.monotonic(), _processor_seconds(processes.values())
    time.sleep(_IDLE_SECONDS)
    seconds, after = time.monotonic() - started, _processor_seconds(processes.values())
    used = sum(after[pid] - before.get(pid, 0.0) for pid in after)
    memory = 0
    for pid in after:
        with contextlib.suppress(psutil.NoSuchProcess):
            memory += processes[pid].memory_full_info().pss
    return memory / 2**30, 100 * used / seconds


def _processor_seconds(processes: Iterable[psutil.Process]) -> dict[int, float]:
    """By process; those that have ended meanwhile are left out."""
    found = {}
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            found[process.pid] = times.user + times.system
    return found


def _report(rows: list[tuple[str, str, str]], commit: str) -> str:
    memory_gib = psutil.virtual_memory().total / 2**30
    lines = [
        "# Delivery on one machine",
        "",
        f"`make bench-delivery` at commit {commit} on {dt.date.today().isoformat()}: "
        f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}; load average at the end "
        f"{os.getloadavg()[1]:.1f} over five minutes.",
        "",
        "| what | seen | aim |",
        "|---|---|---|",
        *(f"| {what} | {seen} | {aim} |" for what, seen, aim in rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
