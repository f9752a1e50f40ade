"""Measures set-up, deliveries, checks and an idle local cloud on this machine.

    make bench-delivery

Uses fresh clones of the current commit, each with its own HOME, caches and state folder, and writes
`bench/results/delivery.md`. It checks no limits.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.idle import idle_cost
from bench.run_description import described
from local_cloud.paths import ROOT

_IDLE_SECONDS = 30
_BRANCH = "feature/measured"
_GIT = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.invalid")


@dataclass(frozen=True, kw_only=True)
class Row:
    what: str
    seen: str
    aim: str = ""


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A fresh clone with an empty HOME, and so with empty caches."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Clone":
        (folder / "home").mkdir(parents=True)
        _run(os.environ, ROOT, "git", "clone", "--quiet", ".", str(folder / "checkout"))
        return cls(folder=folder)

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def run(self, *command: str, expected: str = "") -> float:
        """The duration in seconds; ends the benchmark if it fails or does not print `expected`."""
        own_tools = str(ROOT / ".venv" / "bin")  # make puts them first on PATH
        path = [part for part in os.environ["PATH"].split(os.pathsep) if part != own_tools]
        environment = {
            **{name: value for name, value in os.environ.items() if "cache" not in name.lower()},
            "HOME": str(self.folder / "home"),
            "PATH": os.pathsep.join(path),
            "LOCAL_STATE": str(self.state),
        }
        return _run(environment, self.checkout, *command, expected=expected)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="bench-delivery-") as folder:
        rows = [
            *set_up(Clone.make(Path(folder, "set up"))),
            *deliver(Clone.make(Path(folder, "delivery"))),
        ]
    report = _report(rows)
    (ROOT / "bench" / "results" / "delivery.md").write_text(report)
    print(report)
    return 0


def set_up(clone: Clone) -> list[Row]:
    seconds = clone.run("make", "setup")
    size = _output("du", "-sm", str(clone.checkout / ".venv")).split()[0]
    return [
        Row(what="`make setup`, nothing cached", seen=f"{seconds:.0f} s", aim="under 30 s"),
        Row(what="`.venv` on disk", seen=f"{size} MiB", aim="under 1 GB"),
    ]


def deliver(clone: Clone) -> list[Row]:
    rows: list[Row] = []

    def row(what: str, seconds: float, aim: str = "") -> None:
        rows.append(Row(what=what, seen=f"{seconds:.0f} s", aim=aim))

    try:
        row("`make up`, nothing installed", clone.run("make", "up"), "under 150 s")
        clone.run("make", "clean")
        row("`make up`, everything installed", clone.run("make", "up"), "under 75 s")
        change = clone.checkout / "app_service" / "api" / "health.py"
        change.write_text(change.read_text() + "\n\n# measured\n")
        clone.run(*_GIT, "commit", "--quiet", "-am", "measured")
        pushed = clone.run("git", "push", "local", "HEAD", expected="Succeeded after")
        row("push of a change to `app_service` only, to green", pushed, "under 60 s")
        memory, cpu = idle_cost(clone.state, seconds=_IDLE_SECONDS)
        rows.append(
            Row(
                what="idle: memory of all processes (PSS)",
                seen=f"{memory:.2f} GiB",
                aim="under 1.5 GiB",
            )
        )
        rows.append(Row(what="idle: processor", seen=f"{cpu:.1f} % of a core", aim="under 10 %"))
        created = clone.run(
            "git", "push", "local", f"HEAD:refs/heads/{_BRANCH}", expected="Succeeded after"
        )
        row("push of a new branch to its green pipeline", created, "under 150 s")
        deleted = clone.run("git", "push", "local", "--delete", _BRANCH, expected="nothing remains")
        row("its deletion to nothing left", deleted, "under 60 s")
        row("`make destroy` to nothing left", clone.run("make", "destroy", "ANSWER=yes"))
    finally:
        clone.run("make", "down")
    row("`make test`, after a delivery", clone.run("make", "test"), "under 75 s")
    return rows


def _run(
    environment: Mapping[str, str],
    folder: Path,
    *command: str,
    expected: str = "",
) -> float:
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


def _report(rows: list[Row]) -> str:
    lines = [
        "# Delivery on one machine",
        "",
        f"{described('make bench-delivery')}.",
        "",
        "| what | seen | aim |",
        "|---|---|---|",
        *(f"| {row.what} | {row.seen} | {row.aim} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
