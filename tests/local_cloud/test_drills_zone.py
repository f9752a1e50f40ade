"""The drill of a lost zone fails if the other zone does not take over."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.drills import lose_zone
from local_cloud.drills.rehearsal import Scene
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError
from local_cloud.zones import Zones

SUFFIX = "main-0a1b2c"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    paths = CloudPaths(tmp_path)
    for folder in (paths.services, paths.databases):
        folder.mkdir(parents=True)
    return Scene(paths=paths, suffix=SUFFIX, recovery_timeout_seconds=0.5)


@pytest.fixture
def victim() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def publish(folder: Path, facts: list[dict[str, Any]]) -> None:
    (folder / f"x-{SUFFIX}.json").write_text(json.dumps(facts))


def databases(*, writer_in: str, standby_in: str, pid: int) -> list[dict[str, Any]]:
    return [
        {"instance": writer_in, "zone": writer_in, "pid": pid, "role": "writer",
         "state": "serving"},
        {"instance": standby_in, "zone": standby_in, "pid": pid, "role": "standby",
         "state": "in sync"},
    ]  # fmt: skip


def test_b7_a_lost_zone_whose_writer_is_not_replaced_fails_the_drill(
    scene: Scene, victim: "subprocess.Popen[bytes]"
) -> None:
    publish(scene.paths.databases, databases(writer_in="a", standby_in="b", pid=victim.pid))

    with pytest.raises(CloudError, match="the standby is the writer: not within"):
        lose_zone.lose_zone(scene)

    assert victim.wait() == -9
    assert Zones(scene.paths.lost_zones).lost() == frozenset(), "the zone is back"


def test_b7_a_lost_zone_whose_tasks_are_not_replaced_fails_the_drill(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(scene.paths.services, [{"id": "one", "zone": "a", "pid": 0, "state": "healthy"}])
    publish(scene.paths.databases, databases(writer_in="a", standby_in="b", pid=0))

    def kill(_: int) -> None:
        publish(scene.paths.databases, databases(writer_in="b", standby_in="a", pid=0))

    monkeypatch.setattr(lose_zone, "kill_with_children", kill)
    with pytest.raises(CloudError, match="the other zone has all the tasks: not within"):
        lose_zone.lose_zone(scene)

    assert Zones(scene.paths.lost_zones).lost() == frozenset(), "the zone is back"
