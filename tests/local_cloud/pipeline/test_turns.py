"""One run at a time; a run that ends in any way leaves no process and blocks no other run."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_cloud.pipeline.executions import execution_states
from local_cloud.pipeline.results import RunResult
from tests.local_cloud.codebuild.test_build import a_while, processes_with
from tests.local_cloud.pipeline.conftest import Cloud, build, source, stage

_LIMIT_SECONDS = 300  # for a busy machine


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "timeout"
        time.sleep(0.02)


def statuses(cloud: Cloud) -> list[str]:
    """Of all runs, oldest first."""
    return [s["status"] for s in reversed(execution_states(cloud.state, "delivery"))]


@contextmanager
def other_process(cloud: Cloud, command: str) -> Iterator["subprocess.Popen[str]"]:
    """A run of a pipeline whose one build is `command`, in a process of its own."""
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.local_cloud.pipeline.conftest import Cloud\n"
        f"c = Cloud(state=Path({str(cloud.state)!r}), checkout=Path({str(cloud.checkout)!r}))\n"
        f"c.project('p', {command!r})\n"
        "sys.exit(0 if c.run().succeeded else 3)\n"
    )
    cloud.deploy(source(), stage("B", build("B", "p")))
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_run_waits_for_the_one_before_and_a_newer_one_supersedes_it(cloud: Cloud) -> None:
    gate = cloud.state / "gate"
    cloud.project(
        "p", f"echo ran >> '{cloud.state}/ran'; until [ -e '{gate}' ]; do sleep 0.02; done"
    )
    cloud.deploy(source(), stage("B", build("B", "p")))
    results: dict[str, RunResult] = {}

    def run(name: str) -> threading.Thread:
        thread = threading.Thread(target=lambda: results.update({name: cloud.run()}))
        thread.start()
        return thread

    threads = [run("first")]
    wait_for((cloud.state / "ran").exists)
    threads.append(run("second"))
    wait_for(lambda: statuses(cloud) == ["InProgress", "Queued"])
    threads.append(run("third"))
    wait_for(lambda: "second" in results)
    assert results["second"].status == "Superseded"
    assert "third" not in results
    gate.touch()
    for thread in threads:
        thread.join()
    assert (results["first"].status, results["third"].status) == ("Succeeded", "Succeeded")
    assert statuses(cloud) == ["Succeeded", "Superseded", "Succeeded"]
    assert (cloud.state / "ran").read_text() == "ran\nran\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_run_is_recorded_and_leaves_no_process(cloud: Cloud, number: int) -> None:
    seconds = a_while()
    with other_process(cloud, f"setsid sleep {seconds} & sleep {seconds}") as process:
        wait_for(lambda: len(processes_with(seconds)) == 2)
        os.kill(process.pid, number)
        output, _ = process.communicate(timeout=_LIMIT_SECONDS)
        assert process.returncode == 3
    assert "delivery Stopped after" in output
    assert processes_with(seconds) == []
    (state,) = execution_states(cloud.state, "delivery")
    assert state["status"] == "Stopped"
    assert [a["state"] for s in state["stages"] for a in s["actions"]] == ["Succeeded", "Stopped"]


def test_a_waiting_run_can_be_stopped(cloud: Cloud) -> None:
    gate = cloud.state / "gate"
    with other_process(cloud, f"until [ -e '{gate}' ]; do sleep 0.05; done") as first:
        wait_for(lambda: statuses(cloud) == ["InProgress"])
        with other_process(cloud, "true") as second:
            wait_for(lambda: statuses(cloud) == ["InProgress", "Queued"])
            second.send_signal(signal.SIGINT)
            second.communicate(timeout=_LIMIT_SECONDS)
        assert statuses(cloud) == ["InProgress", "Stopped"]
        gate.touch()
        first.communicate(timeout=_LIMIT_SECONDS)
        assert first.returncode == 0


def test_a_killed_run_is_stopped_leaves_no_process_and_blocks_no_run(cloud: Cloud) -> None:
    seconds = a_while()
    with other_process(cloud, f"sleep {seconds}") as process:
        wait_for(lambda: processes_with(seconds))
        process.kill()
        process.wait()
    wait_for(lambda: not processes_with(seconds))
    (state,) = execution_states(cloud.state, "delivery")
    assert state["status"] == "Stopped"
    assert "abandoned" in state["reason"]
    cloud.project("p", "true")
    assert cloud.run().succeeded
    file = Path(f"{cloud.state}/pipelines/delivery/executions/{state['id']}/state.json")
    assert '"status": "Stopped"' in file.read_text()
