"""Drill: `kill -9` of the load balancer under load. It comes back, and no data is lost.

The process serves every environment of this local cloud.

make drill-kill-balancer
"""

import sys

import psutil

from local_cloud.drills.audited_rehearsal import rehearse_audited
from local_cloud.drills.findings import Findings
from local_cloud.drills.rehearsal import Outcome, Scene
from local_cloud.server import CloudError


def kill_balancer(scene: Scene) -> Outcome:
    tasks = {task["id"] for task in scene.healthy_tasks()}
    victim = scene.load_balancer()
    if victim is None:
        raise CloudError("the local cloud has no load balancer: see `make status`")
    victim.kill()
    killed = scene.faults.begins("kill -9 of the load balancer")
    print(f"killed the load balancer, process {victim.pid}")
    back = scene.wait_until(
        lambda: scene.load_balancer() not in (None, victim), "the load balancer is started again"
    )
    scene.faults.ends("it is started again", at=back)
    findings = Findings()
    findings.expect(
        "the old process of the load balancer has ended",
        holds=not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE,
    )
    findings.expect(
        "no task was replaced: they did not fail",
        holds=tasks <= {task["id"] for task in scene.healthy_tasks()},
    )
    return Outcome(
        broke_at=killed,
        recovery=f"the load balancer was started again after {back - killed:.1f} s",
        findings=findings,
    )


if __name__ == "__main__":
    sys.exit(rehearse_audited(kill_balancer, drill="kill-balancer"))
