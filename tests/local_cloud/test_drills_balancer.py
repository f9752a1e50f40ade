"""The drill of the load balancer fails if it does not come back, or was never killed."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from local_cloud.drills.kill_balancer import kill_balancer
from local_cloud.drills.rehearsal import Scene
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError
from local_cloud.whole_file import write_whole


@pytest.fixture
def balancer(scene: Scene) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    publish(scene, process.pid)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    paths = CloudPaths(tmp_path)
    for folder in (paths.load_balancers, paths.services):
        folder.mkdir(parents=True)
    return Scene(paths=paths, suffix="main-0a1b2c", recovery_timeout_seconds=0.5)


def publish(scene: Scene, pid: int) -> None:
    scene.paths.load_balancer_process.write_text(json.dumps({"pid": pid}))


def publish_tasks(scene: Scene, *names: str) -> None:
    tasks = [{"id": name, "state": "healthy"} for name in names]
    write_whole(scene.paths.services / "x-main-0a1b2c.json", json.dumps(tasks))


def start_again_when_dead(scene: Scene, process: "subprocess.Popen[bytes]", *tasks: str) -> None:
    def watch() -> None:
        process.wait()
        publish_tasks(scene, *tasks)
        publish(scene, os.getpid())

    threading.Thread(target=watch, daemon=True).start()


def test_b7_a_load_balancer_that_comes_back_passes(
    scene: Scene, balancer: "subprocess.Popen[bytes]"
) -> None:
    publish_tasks(scene, "one", "two")
    start_again_when_dead(scene, balancer, "one", "two")

    assert kill_balancer(scene).findings.broken == []


def test_b7_a_load_balancer_that_stays_away_fails_the_drill(
    scene: Scene, balancer: "subprocess.Popen[bytes]"
) -> None:
    with pytest.raises(CloudError, match="the load balancer is started again: not within"):
        kill_balancer(scene)


def test_b7_a_load_balancer_that_was_not_killed_fails_the_drill(
    scene: Scene, balancer: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.kill", Mock(side_effect=lambda *_: publish(scene, os.getpid())))

    broken = kill_balancer(scene).findings.broken

    assert ["has ended" in line for line in broken] == [True]


def test_b7_tasks_that_fail_with_the_load_balancer_fail_the_drill(
    scene: Scene, balancer: "subprocess.Popen[bytes]"
) -> None:
    publish_tasks(scene, "one", "two")
    start_again_when_dead(scene, balancer, "one", "three")

    broken = kill_balancer(scene).findings.broken

    assert ["no task was replaced" in line for line in broken] == [True]
