"""Drill: `kill -9` of a service task under load. It is replaced, and no data is lost.

make drill-kill-task
"""

import os
import signal
import sys

from local_cloud.drills.rehearsal import Outcome, Scene, rehearse
from local_cloud.server import CloudError


def kill_task(scene: Scene) -> Outcome:
    before = scene.healthy_tasks()
    if not before:
        raise CloudError(f"environment {scene.suffix} has no healthy task: see `make status`")
    victim = before[0]
    os.kill(victim["pid"], signal.SIGKILL)
    killed = scene.faults.begins("kill -9 of a task")
    print(f"killed task {victim['id'][:8]} in zone {victim['zone']}")

    def is_replaced() -> bool:
        tasks = scene.healthy_tasks()
        return len(tasks) == len(before) and victim["id"] not in {t["id"] for t in tasks}

    replaced = scene.wait_until(is_replaced, f"task {victim['id']} is replaced")
    scene.faults.ends("it is replaced", at=replaced)
    return Outcome(broke_at=killed, recovery=f"replaced after {replaced - killed:.1f} s")


if __name__ == "__main__":
    sys.exit(rehearse(kill_task, drill="kill-task"))
