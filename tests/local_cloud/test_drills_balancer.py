"""The drill of the load balancer fails if it does not come back, or was never killed."""

import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_cloud.drills.kill_balancer import kill_balancer
from local_cloud.drills.rehearsal import Scene
from local_cloud.emulator.caddy import Caddy
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError
from local_cloud.whole_file import write_whole

# In the place of Caddy: it takes every configuration.
_STAND_IN = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(200)
        self.end_headers()
    do_POST = do_GET
host, port = json.load(open(sys.argv[3]))["admin"]["listen"].split(":")
http.server.HTTPServer((host, int(port)), Handler).serve_forever()
"""


@pytest.fixture
def caddy(scene: Scene, tmp_path: Path) -> Iterator[Caddy]:
    program = tmp_path / "caddy"
    stand_in = tmp_path / "stand_in.py"
    stand_in.write_text(_STAND_IN)
    # Not in the first line of a script: there a path cannot have a space.
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{stand_in}" "$@"\n')
    program.chmod(0o755)
    caddy = Caddy(program=program, folder=scene.paths.load_balancers)
    yield caddy
    caddy.stop()


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
    return Scene(paths=paths, suffix="main-0a1b2c", recovery_timeout_seconds=300)


def publish(scene: Scene, pid: int, *, started_earlier_seconds: float = 0) -> None:
    started = psutil.Process(pid).create_time() - started_earlier_seconds
    facts = {"pid": pid, "started_epoch_seconds": started}
    write_whole(scene.paths.load_balancer_process, json.dumps(facts))


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
    [fault] = scene.faults.faults
    assert (fault.what, fault.until) == ("kill -9 of the load balancer", "it is started again")


def test_b7_a_load_balancer_that_stays_away_fails_the_drill(
    scene: Scene, balancer: "subprocess.Popen[bytes]"
) -> None:
    with pytest.raises(CloudError, match="the load balancer is started again: not within"):
        kill_balancer(dataclasses.replace(scene, recovery_timeout_seconds=0.5))


def test_b7_a_process_that_has_the_id_of_an_earlier_load_balancer_is_not_killed(
    scene: Scene, balancer: "subprocess.Popen[bytes]"
) -> None:
    publish(scene, balancer.pid, started_earlier_seconds=60)

    with pytest.raises(CloudError, match="the local cloud has no load balancer"):
        kill_balancer(scene)

    assert balancer.poll() is None


def test_b7_the_published_load_balancer_is_the_process_that_runs(
    scene: Scene, caddy: Caddy
) -> None:
    assert scene.load_balancer() is None

    caddy.load({})
    first = scene.load_balancer()
    assert first is not None
    first.kill()
    first.wait()
    assert scene.load_balancer() is None
    assert caddy.revive()
    second = scene.load_balancer()
    caddy.stop()

    assert second not in (None, first)
    assert not scene.paths.load_balancer_process.exists()


def test_b7_a_load_balancer_that_was_not_killed_fails_the_drill(
    scene: Scene, balancer: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psutil.Process.kill", lambda _: publish(scene, os.getpid()))

    broken = kill_balancer(scene).findings.broken

    assert ["has ended" in line for line in broken] == [True]


def test_b7_tasks_that_fail_with_the_load_balancer_fail_the_drill(
    scene: Scene, balancer: "subprocess.Popen[bytes]"
) -> None:
    publish_tasks(scene, "one", "two")
    start_again_when_dead(scene, balancer, "one", "three")

    broken = kill_balancer(scene).findings.broken

    assert ["no task was replaced" in line for line in broken] == [True]
