"""The drills that kill a task or the writer fail if nothing is replaced."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.drills import kill_database
from local_cloud.drills.kill_task import kill_task
from local_cloud.drills.rehearsal import Scene
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError

SUFFIX = "main-0a1b2c"


@pytest.fixture
def victim() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    paths = CloudPaths(tmp_path)
    for folder in (paths.services, paths.databases):
        folder.mkdir(parents=True)
    return Scene(paths=paths, suffix=SUFFIX, recovery_timeout_seconds=0.3)


def publish(folder: Path, facts: list[dict[str, Any]]) -> None:
    (folder / f"x-{SUFFIX}.json").write_text(json.dumps(facts))


def databases(*, writer: str, standby: str, pids: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {"instance": name, "zone": "a", "pid": pids[name], "role": role, "state": state}
        for name, role, state in ((writer, "writer", "serving"), (standby, "standby", "in sync"))
    ]


def test_b7_a_killed_task_that_is_not_replaced_fails_the_drill(
    scene: Scene, victim: "subprocess.Popen[bytes]"
) -> None:
    task = {"id": "one", "zone": "a", "pid": victim.pid, "state": "healthy"}
    publish(scene.paths.services, [task])

    with pytest.raises(CloudError, match="task one is replaced: not within"):
        kill_task(scene)

    assert victim.wait() == -9


def test_b7_a_killed_writer_that_is_not_replaced_fails_the_drill(
    scene: Scene, victim: "subprocess.Popen[bytes]"
) -> None:
    pids = {"one": victim.pid, "two": 0}
    publish(scene.paths.databases, databases(writer="one", standby="two", pids=pids))

    with pytest.raises(CloudError, match="the standby is the writer: not within"):
        kill_database.kill_database(scene)

    assert victim.wait() == -9
    [fault] = scene.faults.faults
    assert fault.ended is None, "the plot of a drill that failed shows a fault that did not end"


def test_b7_the_writer_is_killed_that_the_whole_database_has(
    scene: Scene, victim: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failover may end while the drill waits until the database is whole."""
    pids = {"one": 0, "two": victim.pid}
    publish(scene.paths.databases, databases(writer="one", standby="two", pids=pids))

    def become_whole(_: Scene) -> bool:
        publish(scene.paths.databases, databases(writer="two", standby="one", pids=pids))
        return True

    monkeypatch.setattr(kill_database, "is_whole", become_whole)
    with pytest.raises(CloudError, match="the standby is the writer: not within"):
        kill_database.kill_database(scene)

    assert victim.wait() == -9
