"""Drill: the disk of the database's writer is full under load. The standby takes over.

PostgreSQL cannot write its log any more: it crashes, and cannot recover. The standby has a disk of
its own.

make drill-full-disk    needs strace
"""

import sys
from pathlib import Path

from local_cloud.drills.audited_rehearsal import rehearse_audited
from local_cloud.drills.disk import full_disk
from local_cloud.drills.findings import Findings
from local_cloud.drills.kill_database import is_whole
from local_cloud.drills.programs import strace
from local_cloud.drills.rehearsal import Outcome, Scene
from local_cloud.server import CloudError

_SAID = "No space left on device"


def fill_disk(scene: Scene) -> Outcome:
    scene.wait_until(lambda: is_whole(scene), "the database has a standby in sync")
    victim = scene.writer()
    log = Path(victim["log"])
    before = log.stat().st_size
    findings = Findings()
    with full_disk(victim["pid"]):
        full = scene.faults.begins("the disk of the database's writer is full")
        print(f"the disk of writer {victim['instance']} is full")
        promoted = scene.wait_until(
            lambda: scene.writer()["instance"] != victim["instance"], "the standby is the writer"
        )
    scene.faults.ends("another writer serves", at=promoted)
    with log.open("rb") as lines:
        lines.seek(before)
        said = lines.read().decode(errors="replace")
    findings.expect(f"PostgreSQL wrote in its log: {_SAID}", holds=_SAID in said)
    whole = scene.wait_until(lambda: is_whole(scene), "the old writer is a standby in sync")
    scene.faults.notes("the old writer is a standby in sync", at=whole)
    if scene.writer()["instance"] == victim["instance"]:
        raise CloudError("the old writer is the writer again")
    return Outcome(
        broke_at=full,
        recovery=f"another writer after {promoted - full:.1f} s, "
        f"the old one back as standby after {whole - full:.1f} s",
        findings=findings,
    )


if __name__ == "__main__":
    sys.exit(rehearse_audited(fill_disk, drill="full-disk", needs=strace))
