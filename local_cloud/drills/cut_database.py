"""Drill: the network between the service and the database is lost under load, then comes back.

make drill-cut-database
"""

import sys
import time

from local_cloud.drills.audited_rehearsal import rehearse_audited
from local_cloud.drills.cut_off import database_cut_off
from local_cloud.drills.findings import Findings
from local_cloud.drills.kill_database import is_whole
from local_cloud.drills.rehearsal import Outcome, Scene

_CUT_SECONDS = 10.0


def cut_database(scene: Scene) -> Outcome:
    scene.wait_until(lambda: is_whole(scene), "the database has a standby in sync")
    writer, tasks = scene.writer()["instance"], {t["id"] for t in scene.healthy_tasks()}
    with database_cut_off(scene):
        cut = scene.faults.begins("the tasks are cut off from the database")
        print(f"cut the {len(tasks)} tasks off from the database")
        time.sleep(_CUT_SECONDS)
    scene.faults.ends("they reach it again")
    findings = Findings()
    findings.expect(
        "the writer is the same as before",
        holds=scene.writer()["instance"] == writer,
        found=scene.writer()["instance"],
    )
    findings.expect(
        "no task was replaced: it lives without its database",
        holds={t["id"] for t in scene.healthy_tasks()} == tasks,
    )
    return Outcome(
        broke_at=cut, recovery=f"connected again after {_CUT_SECONDS:.0f} s", findings=findings
    )


if __name__ == "__main__":
    sys.exit(rehearse_audited(cut_database, drill="cut-database"))
