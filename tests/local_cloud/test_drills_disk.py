"""The drill of the full disk fails if the disk was never full, and says what it needs."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from local_cloud.drills import audited_rehearsal, full_disk
from local_cloud.drills.disk import full_disk as disk_of
from local_cloud.drills.programs import CANNOT_RUN, CannotRun, strace
from local_cloud.drills.rehearsal import Outcome, Scene
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError
from local_cloud.whole_file import write_whole
from tests.local_cloud import machine

SUFFIX = "main-0a1b2c"
_WRITER = """
import os, sys
for line in sys.stdin:
    try:
        os.pwrite(int(sys.argv[1]), b"x", 0)
        print("written", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    paths = CloudPaths(tmp_path)
    paths.databases.mkdir(parents=True)
    (tmp_path / "log").write_text("No space left on device, some time ago\n")
    return Scene(paths=paths, suffix=SUFFIX, recovery_timeout_seconds=300)


def publish(scene: Scene, *, writer: str) -> None:
    facts: list[dict[str, Any]] = [
        {"instance": name, "pid": os.getpid(), "log": str(scene.paths.state / "log"),
         "role": "writer" if name == writer else "standby",
         "state": "serving" if name == writer else "in sync"}
        for name in ("one", "two")
    ]  # fmt: skip
    write_whole(scene.paths.databases / f"x-{SUFFIX}.json", json.dumps(facts))


def drill(scene: Scene, monkeypatch: pytest.MonkeyPatch, effect: Callable[[], None]) -> Outcome:
    """`effect`: what the local cloud does while the disk is full."""

    @contextlib.contextmanager
    def fault(_: int) -> Iterator[None]:
        effect()
        yield

    monkeypatch.setattr(full_disk, "full_disk", fault)
    publish(scene, writer="one")
    return full_disk.fill_disk(scene)


def test_b7_a_writer_that_says_so_and_is_replaced_passes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash() -> None:
        with (scene.paths.state / "log").open("a") as log:
            log.write("PANIC:  could not write to log file: No space left on device\n")
        publish(scene, writer="two")

    assert drill(scene, monkeypatch, crash).findings.broken == []
    [fault] = scene.faults.faults
    assert fault.ended, "the plot marks it"


def test_b7_a_disk_that_was_never_full_fails_the_drill(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = drill(scene, monkeypatch, lambda: publish(scene, writer="two"))

    assert ["No space left on device" in line for line in outcome.findings.broken] == [True]


def test_b7_a_writer_that_goes_on_with_a_full_disk_fails_the_drill(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CloudError, match="the standby is the writer: not within"):
        drill(dataclasses.replace(scene, recovery_timeout_seconds=0.3), monkeypatch, lambda: None)


def test_b7_a_drill_without_its_program_says_how_to_get_it_and_ends_with_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    code = audited_rehearsal.rehearse_audited(full_disk.fill_disk, drill="full-disk", needs=strace)

    assert code == CANNOT_RUN
    assert capsys.readouterr().err.splitlines() == [
        "this drill cannot run here: strace is missing: apt-get install strace"
    ]


@pytest.mark.parametrize(
    ("said", "cannot_run"),
    [
        ("strace: attach: ptrace(PTRACE_SEIZE, 17): Operation not permitted", True),
        ("strace: PTRACE_TRACEME: Permission denied\nstrace: exited", True),
        ("strace: invalid system call 'pwrite64'", False),
        ("strace: data.log: Permission denied", False),
    ],
)
def test_b7_only_a_machine_that_forbids_strace_to_trace_cannot_run_the_drill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, cannot_run: bool
) -> None:
    program = tmp_path / "strace"
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{said}\nEND\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("local_cloud.drills.disk.unprivileged", list)

    with pytest.raises(CloudError, match="trace PostgreSQL") as raised, disk_of(os.getpid()):
        pass

    assert isinstance(raised.value, CannotRun) == cannot_run


def test_b7_writes_fail_only_while_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        strace()
    except CannotRun as error:
        machine.skip(str(error))
    monkeypatch.setattr("local_cloud.drills.disk.unprivileged", list)  # as the user of this test
    with (tmp_path / "data").open("wb") as data:
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(data.fileno())], pass_fds=[data.fileno()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert writer.stdin is not None
    assert writer.stdout is not None

    def write() -> str:
        print(file=writer.stdin, flush=True)
        return str(writer.stdout.readline().strip() if writer.stdout else "")

    try:
        seen = [write()]
        try:
            with disk_of(writer.pid):
                seen.append(write())
        except CannotRun as error:
            machine.skip(str(error))
        seen.append(write())
    finally:
        writer.kill()
        writer.communicate()
    assert seen == ["written", "No space left on device", "written"]
    assert not psutil.pid_exists(writer.pid)
