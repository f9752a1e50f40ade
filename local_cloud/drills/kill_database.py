"""Drill: `kill -9` of the database's writer under load. The standby takes over without data loss.

make drill-kill-database
"""

import os
import signal
import sys

from local_cloud.drills.rehearsal import Outcome, Scene, rehearse
from local_cloud.server import CloudError


def kill_database(scene: Scene) -> Outcome:
    scene.wait_until(lambda: is_whole(scene), "the database has a standby in sync")
    victim = scene.writer()
    os.kill(victim["pid"], signal.SIGKILL)
    killed = scene.faults.begins("kill -9 of the database's writer")
    print(f"killed writer {victim['instance']} in zone {victim['zone']}")

    promoted = scene.wait_until(
        lambda: scene.writer()["instance"] != victim["instance"], "the standby is the writer"
    )
    scene.faults.ends("another writer serves", at=promoted)
    whole = scene.wait_until(lambda: is_whole(scene), "the old writer is a standby in sync")
    scene.faults.notes("the old writer is a standby in sync", at=whole)
    if scene.writer()["instance"] == victim["instance"]:
        raise CloudError("the old writer is the writer again")
    return Outcome(
        broke_at=killed,
        recovery=f"another writer after {promoted - killed:.1f} s, "
        f"the old one back as standby after {whole - killed:.1f} s",
    )


def is_whole(scene: Scene) -> bool:
    return {d["role"]: d["state"] for d in scene.databases()} == {
        "writer": "serving",
        "standby": "in sync",
    }


if __name__ == "__main__":
    sys.exit(rehearse(kill_database, drill="kill-database"))
