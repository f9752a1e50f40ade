"""Drill: a service task hangs under load. It is replaced; then it continues, and does no harm.

Every process of the task is stopped (SIGSTOP): connections to it are accepted, but not answered.

make drill-hang-task
"""

import sys

from local_cloud.drills.audited_rehearsal import rehearse_audited
from local_cloud.drills.findings import Findings
from local_cloud.drills.rehearsal import Facts, Outcome, Scene
from local_cloud.drills.stopped import StoppedProcesses
from local_cloud.server import CloudError


def hang_task(scene: Scene) -> Outcome:
    before = scene.healthy_tasks()
    if not before:
        raise CloudError(f"environment {scene.suffix} has no healthy task: see `make status`")
    victim = before[0]
    findings = Findings()
    with StoppedProcesses(victim["pid"]) as stopped:
        hung = scene.faults.begins("a task hangs")
        print(f"stopped task {victim['id'][:8]} in zone {victim['zone']}: it hangs")
        noticed = scene.wait_until(
            lambda: victim["id"] not in _ids(scene.healthy_tasks()),
            f"task {victim['id']} is out of service",
        )
        scene.faults.ends("it gets no more requests", at=noticed)
        findings.expect(
            "the task was taken out of service while it lived",
            holds=stopped.are_stopped(),
            found="its processes had ended or continued before",
        )

        def is_replaced() -> bool:
            tasks = scene.healthy_tasks()
            return len(tasks) == len(before) and victim["id"] not in _ids(tasks)

        replaced = scene.wait_until(is_replaced, f"task {victim['id']} is replaced")
        scene.faults.notes("it is replaced", at=replaced)
        # It continues where it was: with requests that it had received, and with batches of the
        # audit trail that another task may have sent meanwhile.
        continued = stopped.resume()
    print(f"{len(continued)} of its processes continued after the replacement")
    scene.wait_until(lambda: not stopped.left(), f"task {victim['id']} has ended")
    findings.expect(
        "the task never came back into service",
        holds=victim["id"] not in _ids(scene.healthy_tasks()),
    )
    return Outcome(
        broke_at=hung,
        recovery=f"out of service after {noticed - hung:.1f} s, replaced after "
        f"{replaced - hung:.1f} s",
        findings=findings,
    )


def _ids(tasks: list[Facts]) -> set[str]:
    return {task["id"] for task in tasks}


if __name__ == "__main__":
    sys.exit(rehearse_audited(hang_task, drill="hang-task"))
