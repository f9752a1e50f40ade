"""Drills with processes that hang: each fails if its fault or its promise does not take effect."""

import contextlib
import dataclasses
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import psutil
import pytest

from local_cloud.drills import hang_database, hang_task
from local_cloud.drills.findings import Findings
from local_cloud.drills.rehearsal import Outcome, Scene
from local_cloud.drills.stopped import StoppedProcesses
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError
from local_cloud.whole_file import write_whole

SUFFIX = "main-0a1b2c"
# A child that reads a line and writes it back, below a parent: as a server with its session.
_CHILD = "import sys; [print(line, end='', flush=True) for line in sys.stdin]"
_PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_CHILD!r}])"


@pytest.fixture
def server() -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert ask(process, "ready") == "ready"
    parent = psutil.Process(process.pid)
    processes = [parent, *parent.children(recursive=True)]
    yield process
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended
            each.kill()
    process.communicate()


def ask(process: "subprocess.Popen[str]", line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    print(line, file=process.stdin, flush=True)
    return process.stdout.readline().strip()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    paths = CloudPaths(tmp_path)
    for folder in (paths.services, paths.databases):
        folder.mkdir(parents=True)
    return Scene(paths=paths, suffix=SUFFIX, recovery_timeout_seconds=300)


def in_a_hurry(scene: Scene) -> Scene:
    """For a drill whose fault has no effect."""
    return dataclasses.replace(scene, recovery_timeout_seconds=0.5)


def publish(folder: Path, facts: list[dict[str, Any]]) -> None:
    write_whole(folder / f"x-{SUFFIX}.json", json.dumps(facts))


def databases(*, writer: tuple[str, int], standby: str) -> list[dict[str, Any]]:
    name, pid = writer
    return [
        {"instance": name, "role": "writer", "zone": "a", "address": "127.0.0.1:1", "pid": pid,
         "state": "serving"},
        {"instance": standby, "role": "standby", "zone": "b", "address": "127.0.0.1:1", "pid": 0,
         "state": "in sync"},
    ]  # fmt: skip


class Commit:
    """In the place of a session that waits for its commit in the writer."""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    def __enter__(self) -> "Commit":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send(self) -> None:
        pass

    def answer(self) -> str:
        return self._answer


def when_stopped(monkeypatch: pytest.MonkeyPatch, react: Callable[[], None]) -> None:
    """In the place of the control loop: calls `react` when all processes hang."""
    enter = StoppedProcesses.__enter__

    def entered(processes: StoppedProcesses) -> StoppedProcesses:
        threading.Thread(target=react, daemon=True).start()
        return enter(processes)

    monkeypatch.setattr(StoppedProcesses, "__enter__", entered)


def runs(process: psutil.Process) -> bool:
    """False for a process that was killed and that its parent has not yet asked about."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def drill_of_hanging_writer(
    scene: Scene,
    server: "subprocess.Popen[str]",
    monkeypatch: pytest.MonkeyPatch,
    *,
    answer: str = "InterfaceError: network error",
    fences: bool = True,
    promotes: bool = True,
) -> Outcome:
    monkeypatch.setattr(hang_database, "database_admin", Mock())
    monkeypatch.setattr(hang_database, "LateCommit", lambda **_: Commit(answer))
    publish(scene.paths.databases, databases(writer=("one", server.pid), standby="two"))
    processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]

    def fail_over() -> None:
        for process in processes if fences else []:
            process.kill()
            if process.pid == server.pid:
                server.wait()
        while fences and any(runs(process) for process in processes):
            time.sleep(0.01)
        if promotes:
            publish(scene.paths.databases, databases(writer=("two", 0), standby="one"))

    when_stopped(monkeypatch, fail_over)
    return hang_database.hang_database(scene)


def test_b7_a_hanging_writer_that_is_fenced_and_replaced_passes(
    scene: Scene, server: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = drill_of_hanging_writer(scene, server, monkeypatch)

    assert outcome.findings.broken == []
    assert [fault.until for fault in scene.faults.faults] == ["another writer serves"]
    assert len(outcome.findings.held) == 2


def test_b7_a_hanging_writer_that_is_not_replaced_fails_the_drill(
    scene: Scene, server: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CloudError, match="the standby is the writer: not within"):
        drill_of_hanging_writer(
            in_a_hurry(scene), server, monkeypatch, fences=False, promotes=False
        )

    assert ask(server, "still there") == "still there", "the drill lets it continue"


def test_b7_the_writer_hangs_that_the_whole_database_has(
    scene: Scene, server: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failover may end while the drill waits until the database is whole."""
    monkeypatch.setattr(hang_database, "database_admin", Mock())
    monkeypatch.setattr(hang_database, "LateCommit", lambda **_: Commit("no answer"))
    publish(scene.paths.databases, databases(writer=("one", 0), standby="two"))
    failed_over = iter([databases(writer=("two", server.pid), standby="one")])

    def become_whole(_: Scene) -> bool:
        for facts in failed_over:  # once
            publish(scene.paths.databases, facts)
        return True

    def fail_over() -> None:
        publish(scene.paths.databases, databases(writer=("one", 0), standby="two"))

    monkeypatch.setattr(hang_database, "is_whole", become_whole)
    when_stopped(monkeypatch, fail_over)
    broken = hang_database.hang_database(scene).findings.broken

    assert [str(server.pid) in line for line in broken] == [True], "it was stopped, and continued"


def test_b7_an_old_writer_that_continues_fails_the_drill(
    scene: Scene, server: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = drill_of_hanging_writer(scene, server, monkeypatch, fences=False)

    assert [str(server.pid) in line for line in outcome.findings.broken] == [True]


def test_b7_a_late_acknowledgement_of_the_old_writer_fails_the_drill(
    scene: Scene, server: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = drill_of_hanging_writer(scene, server, monkeypatch, answer="acknowledged")

    assert ["never acknowledged" in line for line in outcome.findings.broken] == [True]


def drill_of_hanging_task(
    scene: Scene,
    server: "subprocess.Popen[str]",
    monkeypatch: pytest.MonkeyPatch,
    *,
    dies: bool = False,
    comes_back: bool = False,
) -> Outcome:
    old = {"id": "old", "zone": "a", "pid": server.pid, "state": "healthy"}
    new = {**old, "id": "new"}
    publish(scene.paths.services, [old])
    process = psutil.Process(server.pid)

    def replace() -> None:
        if dies:
            end(process, server)
        publish(scene.paths.services, [{**old, "state": "stopping"}])
        publish(scene.paths.services, [new, {**old, "state": "stopping"}])
        while not dies and process.status() == psutil.STATUS_STOPPED:
            time.sleep(0.01)
        publish(scene.paths.services, [new, old] if comes_back else [new])
        if not dies:
            end(process, server)

    when_stopped(monkeypatch, replace)
    return hang_task.hang_task(scene)


def end(process: psutil.Process, server: "subprocess.Popen[str]") -> None:
    for each in [*process.children(recursive=True), process]:
        each.kill()
    server.wait()


def test_b7_a_hanging_task_that_is_replaced_and_ends_passes(
    scene: Scene, server: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = drill_of_hanging_task(scene, server, monkeypatch)

    assert outcome.findings.broken == []
    assert [fault.until for fault in scene.faults.faults] == ["it gets no more requests"]
    assert len(outcome.findings.held) == 2


def test_b7_a_task_that_is_not_replaced_fails_the_drill(
    scene: Scene, server: "subprocess.Popen[str]"
) -> None:
    task = {"id": "old", "zone": "a", "pid": server.pid, "state": "healthy"}
    publish(scene.paths.services, [task])

    with pytest.raises(CloudError, match="is out of service: not within"):
        hang_task.hang_task(in_a_hurry(scene))


def test_b7_a_task_that_died_did_not_hang(
    scene: Scene, server: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = drill_of_hanging_task(scene, server, monkeypatch, dies=True)

    assert ["while it lived" in line for line in outcome.findings.broken] == [True]


def test_b7_a_hanging_task_that_comes_back_into_service_fails_the_drill(
    scene: Scene, server: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = drill_of_hanging_task(scene, server, monkeypatch, comes_back=True)

    assert ["came back" in line for line in outcome.findings.broken] == [True]


def test_b7_stopped_processes_answer_nothing_until_they_are_resumed(
    server: "subprocess.Popen[str]",
) -> None:
    answers: list[str] = []
    with StoppedProcesses(server.pid) as stopped:
        asking = threading.Thread(target=lambda: answers.append(ask(server, "late")))
        asking.start()
        asking.join(0.3)
        assert answers == []
        assert len(stopped.resume()) == len(stopped) == 2
    asking.join()
    assert answers == ["late"]


def test_b7_a_process_that_does_not_stop_is_no_fault(
    server: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local_cloud.drills.stopped._STOPS_WITHIN_SECONDS", 0.1)
    monkeypatch.setattr(psutil.Process, "send_signal", Mock())

    with pytest.raises(CloudError, match="was not stopped"):
        StoppedProcesses(server.pid)


@pytest.mark.parametrize(
    "step", ["psutil.Process.children", "local_cloud.drills.stopped._wait_until_stopped"]
)
def test_b7_processes_continue_if_not_all_could_be_stopped(
    server: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(step, Mock(side_effect=CloudError("not stopped")))
        with pytest.raises(CloudError, match="not stopped"):
            StoppedProcesses(server.pid)

    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(ask(server, "on")), daemon=True)
    asking.start()
    asking.join()
    parent = psutil.Process(server.pid)
    assert answers == ["on"]
    assert psutil.STATUS_STOPPED not in {p.status() for p in (parent, *parent.children())}


def test_b7_a_promise_that_does_not_hold_is_a_problem_with_what_was_found() -> None:
    findings = Findings()
    findings.expect("the sky is blue", holds=True)
    findings.expect("the sea is calm", holds=False, found="waves")

    assert findings.held == ["the sky is blue"]
    assert findings.broken == ["does not hold: the sea is calm (waves)"]


def test_b7_resuming_does_not_signal_a_process_that_has_ended(
    server: "subprocess.Popen[str]",
) -> None:
    stopped = StoppedProcesses(server.pid)
    parent = psutil.Process(server.pid)
    children = parent.children()
    for process in (*children, parent):
        process.send_signal(signal.SIGKILL)
    server.wait()
    for child in children:
        wait_until_ended(child)  # only the parent is ours to wait for; a signal takes its time

    assert stopped.resume() == []


def wait_until_ended(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
