"""Drill: the zone of the writer and of some tasks is lost under load, then available again.

Nothing is started in the zone while it is lost.

make drill-lose-zone
"""

import sys
import time

from local_cloud.drills.kill_database import is_whole
from local_cloud.drills.rehearsal import (
    LOAD_SECONDS,
    Outcome,
    Scene,
    kill_with_children,
    rehearse,
)
from local_cloud.zones import Zones


def lose_zone(scene: Scene) -> Outcome:
    scene.wait_until(lambda: is_whole(scene), "the database has a standby in sync")
    tasks = scene.healthy_tasks()
    zone = scene.writer()["zone"]
    zones = Zones(scene.paths.lost_zones)
    lost_tasks = [t for t in tasks if t["zone"] == zone]
    # First, so that nothing starts there again.
    zones.lose(zone)
    try:
        for victim in [*lost_tasks, *(d for d in scene.databases() if d["zone"] == zone)]:
            kill_with_children(victim["pid"])
        lost = scene.faults.begins("everything in the writer's zone is lost")
        print(f"lost zone {zone}: {len(lost_tasks)} of {len(tasks)} tasks, and the writer")
        promoted = scene.wait_until(
            lambda: scene.writer()["zone"] != zone, "the standby is the writer"
        )
        scene.faults.notes("another writer serves", at=promoted)

        def is_at_strength() -> bool:
            healthy = scene.healthy_tasks()
            return len(healthy) == len(tasks) and all(t["zone"] != zone for t in healthy)

        replaced = scene.wait_until(is_at_strength, "the other zone has all the tasks")
        scene.faults.notes("the other zone has all the tasks", at=replaced)
        time.sleep(LOAD_SECONDS)
    finally:
        zones.bring_back(zone)
    back = time.monotonic()
    scene.faults.ends("the zone is available again", at=back)
    whole = scene.wait_until(
        lambda: (
            is_whole(scene)
            and len(scene.healthy_tasks()) == len(tasks)
            and zone in {t["zone"] for t in scene.healthy_tasks()}
        ),
        "the zone has a task and the standby again",
    )
    scene.faults.notes("the zone has a task and the standby again", at=whole)
    return Outcome(
        broke_at=lost,
        recovery=f"another writer after {promoted - lost:.1f} s, all tasks after "
        f"{replaced - lost:.1f} s; whole {whole - back:.1f} s after the zone was back",
    )


if __name__ == "__main__":
    sys.exit(rehearse(lose_zone, drill="lose-zone"))
