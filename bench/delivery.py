"""Measures set-up, deliveries, checks and an idle local cloud on this machine.

    make bench-delivery

Uses fresh clones of the current commit, each with its own HOME, caches and state folder, and writes
`bench/results/delivery.md`, its record and its picture. It checks no limits.
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
from bench.pictures.delivery import DELIVERY, Delivery, Step
from bench.pictures.record import RESULTS
from bench.run_description import as_plain_text, described
from local_cloud.paths import ROOT

_IDLE_SECONDS = 30
_BRANCH = "feature/measured"
_GIT = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.invalid")


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
        steps = [
            *set_up(Clone.make(Path(folder, "set up"))),
            *deliver(Clone.make(Path(folder, "delivery"))),
        ]
    report = _report(steps)
    (RESULTS / "delivery.md").write_text(report)
    DELIVERY.write(Delivery(run=as_plain_text("make bench-delivery"), steps=steps))
    print(report)
    return 0


def set_up(clone: Clone) -> list[Step]:
    seconds = clone.run("make", "setup")
    size = int(_output("du", "-sm", str(clone.checkout / ".venv")).split()[0])
    return [
        Step(what="`make setup`, nothing cached", seen=seconds, unit="s", aim=30),
        Step(what="`.venv` on disk", seen=size * 2**20 / 1e9, unit="GB", aim=1, digits=2),
    ]


def deliver(clone: Clone) -> list[Step]:
    steps: list[Step] = []

    def step(what: str, seconds: float, aim: float | None = None) -> None:
        steps.append(Step(what=what, seen=seconds, unit="s", aim=aim))

    try:
        step("`make up`, nothing installed", clone.run("make", "up"), 150)
        clone.run("make", "clean")
        step("`make up`, everything installed", clone.run("make", "up"), 75)
        change = clone.checkout / "app_service" / "api" / "health.py"
        change.write_text(change.read_text() + "\n\n# measured\n")
        clone.run(*_GIT, "commit", "--quiet", "-am", "measured")
        pushed = clone.run("git", "push", "local", "HEAD", expected="Succeeded after")
        step("push of a change to `app_service` only, to green", pushed, 60)
        memory, cpu = idle_cost(clone.state, seconds=_IDLE_SECONDS)
        steps += [
            Step(
                what="idle: memory of all processes (PSS)",
                seen=memory,
                unit="GiB",
                aim=1.5,
                digits=2,
            ),
            Step(what="idle: processor", seen=cpu, unit="% of a core", aim=10, digits=1),
        ]
        created = clone.run(
            "git", "push", "local", f"HEAD:refs/heads/{_BRANCH}", expected="Succeeded after"
        )
        step("push of a new branch to its green pipeline", created, 150)
        deleted = clone.run("git", "push", "local", "--delete", _BRANCH, expected="nothing remains")
        step("its deletion to nothing left", deleted, 60)
        step("`make destroy` to nothing left", clone.run("make", "destroy", "ANSWER=yes"))
    finally:
        clone.run("make", "down")
    step("`make test`, after a delivery", clone.run("make", "test"), 75)
    return steps


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


def _report(steps: list[Step]) -> str:
    lines = [
        "# Delivery on one machine",
        "",
        f"{described('make bench-delivery')}.",
        "",
        "| what | seen | aim |",
        "|---|---|---|",
        *(f"| {step.what} | {step.said} | {step.aim_said} |" for step in steps),
        "",
        "![Times and what is needed, beside their aims](delivery.svg)",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
