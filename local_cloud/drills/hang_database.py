"""Drill: the database's writer hangs under load. It is fenced, and the standby takes over.

Every process of the writer is stopped (SIGSTOP): it holds its sockets, but answers nothing. When it
is told to continue after the promotion, it must not acknowledge a commit that waited in it.

make drill-hang-database
"""

import sys

from local_cloud.drills.audited_rehearsal import rehearse_audited
from local_cloud.drills.findings import Findings
from local_cloud.drills.kill_database import is_whole
from local_cloud.drills.late_commit import LateCommit, database_admin
from local_cloud.drills.rehearsal import Outcome, Scene
from local_cloud.drills.stopped import StoppedProcesses
from local_cloud.server import CloudError


def hang_database(scene: Scene) -> Outcome:
    scene.wait_until(lambda: is_whole(scene), "the database has a standby in sync")
    victim = scene.writer()
    with (
        LateCommit(address=victim["address"], admin=database_admin(scene)) as late,
        StoppedProcesses(victim["pid"]) as stopped,
    ):
        hung = scene.faults.begins("the database's writer hangs")
        print(f"stopped the {len(stopped)} processes of writer {victim['instance']}")
        late.send()
        promoted = scene.wait_until(
            lambda: scene.writer()["instance"] != victim["instance"], "the standby is the writer"
        )
        scene.faults.ends("another writer serves", at=promoted)
        findings = Findings()
        check_fence(findings, stopped=stopped, late=late)
    whole = scene.wait_until(lambda: is_whole(scene), "the old writer is a standby in sync")
    scene.faults.notes("the old writer is a standby in sync", at=whole)
    if scene.writer()["instance"] == victim["instance"]:
        raise CloudError("the old writer is the writer again")
    return Outcome(
        broke_at=hung,
        recovery=f"another writer after {promoted - hung:.1f} s, "
        f"the old one back as standby after {whole - hung:.1f} s",
        findings=findings,
    )


def check_fence(findings: Findings, *, stopped: StoppedProcesses, late: LateCommit) -> None:
    """Let the old writer continue, and look at what it does."""
    left = stopped.resume()
    findings.expect(
        "no process of the old writer is left to continue after the promotion",
        holds=not left,
        found=f"processes {left} continued",
    )
    answer = late.answer()
    findings.expect(
        "the old writer never acknowledged a commit that was sent to it while it hung",
        holds=answer != "acknowledged",
        found=answer,
    )


if __name__ == "__main__":
    sys.exit(rehearse_audited(hang_database, drill="hang-database"))
