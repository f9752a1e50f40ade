"""Drill: the clock of the database jumps under load, forward and back. The ledger stays exact.

The library that lets it jump must be loaded when a server starts, so both servers are restarted
first, the writer by a failover.

make drill-clock    needs libfaketime
"""

import functools
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from local_cloud.database_clock import DatabaseClock
from local_cloud.drills.audited_rehearsal import rehearse_audited
from local_cloud.drills.findings import Findings
from local_cloud.drills.kill_database import is_whole
from local_cloud.drills.late_commit import clock_error_seconds, database_admin
from local_cloud.drills.programs import faketime_library
from local_cloud.drills.rehearsal import LOAD_SECONDS, Outcome, Scene

_JUMP_SECONDS: Final = 600  # more than any lease or pause of the service
_JUMPS: Final = {
    _JUMP_SECONDS: f"{_JUMP_SECONDS} s ahead",
    -_JUMP_SECONDS: f"{_JUMP_SECONDS} s behind",
    0: "right",
}
_TOLERANCE_SECONDS: Final = 5.0


def jump_clock(scene: Scene) -> Outcome:
    admin = database_admin(scene)
    return jump(
        scene,
        library=faketime_library(),
        restart=restart_servers,
        error_seconds=lambda: clock_error_seconds(scene.writer()["address"], admin),
    )


def jump(
    scene: Scene,
    *,
    library: Path,
    restart: Callable[[Scene], None],
    error_seconds: Callable[[], float],
    load_seconds: float = LOAD_SECONDS,
) -> Outcome:
    """`error_seconds`: by how much the writer's clock is wrong."""
    clock = DatabaseClock(scene.paths.database_clock)
    clock.attach(library)
    try:
        restart(scene)
        writer = scene.writer()["instance"]
        tasks = {task["id"] for task in scene.healthy_tasks()}
        began = time.monotonic()
        for offset, state in _JUMPS.items():
            clock.jump_to(offset)
            if offset != _JUMP_SECONDS:
                scene.faults.ends("it jumps again")
            if offset:
                scene.faults.begins(f"the database's clock is {state}")
            _wait_until_wrong_by(scene, offset, error_seconds)
            time.sleep(load_seconds)
    finally:
        clock.detach()
    findings = Findings()
    findings.expect(
        "no jump of the clock made the other server the writer",
        holds=scene.writer()["instance"] == writer,
    )
    findings.expect(
        "no jump of the clock made a task unhealthy",
        holds=tasks <= {task["id"] for task in scene.healthy_tasks()},
    )
    return Outcome(
        broke_at=began,
        recovery=f"the clock was {_JUMP_SECONDS} s ahead, then as much behind, then right",
        findings=findings,
    )


def restart_servers(scene: Scene) -> None:
    """First the standby; then the writer, which is the standby afterwards."""
    scene.wait_until(lambda: is_whole(scene), "the database has a standby in sync")
    for role in ("standby", "writer"):
        (victim,) = (server for server in scene.databases() if server["role"] == role)
        os.kill(victim["pid"], signal.SIGKILL)
        scene.wait_until(functools.partial(_is_restarted, scene, victim), f"the {role} is back")


def _is_restarted(scene: Scene, victim: dict[str, object]) -> bool:
    pids = {server["pid"] for server in scene.databases()}
    return is_whole(scene) and victim["pid"] not in pids


def _wait_until_wrong_by(scene: Scene, offset: int, error_seconds: Callable[[], float]) -> None:
    """Raises CloudError if the clock does not jump: then there is no fault."""
    scene.wait_until(
        lambda: abs(error_seconds() - offset) < _TOLERANCE_SECONDS,
        f"the database's clock is wrong by {offset:+d} s",
    )
    print(f"the database's clock is wrong by {offset:+d} s")


if __name__ == "__main__":
    sys.exit(
        rehearse_audited(
            jump_clock,
            drill="clock",
            needs=faketime_library,
            clock_error=timedelta(seconds=_JUMP_SECONDS),
        )
    )
