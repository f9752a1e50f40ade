"""The drill of the clock fails if the clock did not jump, and says what it needs."""

import dataclasses
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_cloud.addresses import free_port
from local_cloud.certificates import LocalAuthority
from local_cloud.database_clock import DatabaseClock
from local_cloud.drills import audited_rehearsal, jump_clock
from local_cloud.drills.programs import CANNOT_RUN, CannotRun, faketime_library
from local_cloud.drills.rehearsal import Outcome, Scene
from local_cloud.paths import CloudPaths
from local_cloud.postgres import PostgresServer
from local_cloud.server import CloudError
from local_cloud.superuser import superuser
from local_cloud.whole_file import write_whole
from tests.local_cloud import machine

SUFFIX = "main-0a1b2c"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    paths = CloudPaths(tmp_path)
    for folder in (paths.databases, paths.services):
        folder.mkdir(parents=True)
    scene = Scene(paths=paths, suffix=SUFFIX, recovery_timeout_seconds=300)
    publish(scene, writer="one")
    return scene


def publish(scene: Scene, *, writer: str) -> None:
    facts: list[dict[str, Any]] = [{"instance": writer, "role": "writer", "state": "serving"}]
    write_whole(scene.paths.databases / f"x-{SUFFIX}.json", json.dumps(facts))


def shown_error(scene: Scene) -> float:
    """What a server with this clock shows."""
    words = DatabaseClock(scene.paths.database_clock).launcher()
    (file,) = (word.split("=", 1)[1] for word in words if "TIMESTAMP_FILE" in word)
    return float(Path(file).read_text())


def drill(scene: Scene, error_seconds: Callable[[], float]) -> Outcome:
    return jump_clock.jump(
        scene,
        library=Path("/lib/faketime"),
        restart=lambda _: None,
        error_seconds=error_seconds,
        load_seconds=0,
    )


def test_b7_a_clock_that_jumps_forward_and_back_passes(scene: Scene) -> None:
    seen: list[float] = []

    def look() -> float:
        seen.append(shown_error(scene))
        return seen[-1]

    assert drill(scene, look).findings.broken == []
    ahead, behind = scene.faults.faults
    assert "ahead" in ahead.what
    assert "behind" in behind.what
    assert behind.ended, "the clock is right again"
    assert seen == [600, -600, 0]
    assert DatabaseClock(scene.paths.database_clock).launcher() == (), "for servers started later"


def test_b7_a_clock_that_does_not_jump_fails_the_drill(scene: Scene) -> None:
    with pytest.raises(CloudError, match=r"wrong by \+600 s: not within"):
        drill(dataclasses.replace(scene, recovery_timeout_seconds=0.3), lambda: 0.0)

    assert DatabaseClock(scene.paths.database_clock).launcher() == ()


def test_b7_a_jump_that_causes_a_failover_fails_the_drill(scene: Scene) -> None:
    def fail_over() -> float:
        publish(scene, writer="two")
        return shown_error(scene)

    broken = drill(scene, fail_over).findings.broken

    assert ["the other server the writer" in line for line in broken] == [True]


def test_b7_a_drill_without_its_library_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("local_cloud.drills.programs._LIBRARY_FOLDERS", ())
    monkeypatch.delenv("LIBFAKETIME", raising=False)

    code = audited_rehearsal.rehearse_audited(
        jump_clock.jump_clock, drill="clock", needs=faketime_library
    )

    assert code == CANNOT_RUN
    (line,) = capsys.readouterr().err.splitlines()
    assert "apt-get install libfaketime" in line


def test_the_clock_of_a_server_jumps_if_it_was_started_with_the_library() -> None:
    try:
        library = faketime_library()
    except CannotRun as error:
        machine.skip(str(error))
    folder = Path(tempfile.mkdtemp(prefix="test-clock-"))
    folder.chmod(0o755)
    clock = DatabaseClock(folder / "clock")
    clock.attach(library)
    authority = LocalAuthority(folder / "authority")
    server = PostgresServer(
        data_dir=folder / "data",
        address="127.0.0.1",
        port=free_port(),
        password="test",
        certificate=authority.issue(name="one", addresses=["127.0.0.1"]),
        launcher=clock.launcher,
    )
    server.initialize()
    server.start()
    try:
        assert server.process is not None
        pid = server.process.pid
        with superuser(server) as execute:
            errors = []
            for offset in (600, -600):
                clock.jump_to(offset)
                asked = time.time()
                ((theirs,),) = execute("SELECT extract(epoch FROM clock_timestamp())")
                answered = time.time()
                # It was read at some moment between the question and the answer.
                least, most = float(theirs) - answered, float(theirs) - asked
                errors.append(round(min(max(offset, least), most), -1))
    finally:
        server.fence()
    assert errors == [600, -600]
    assert not Path(f"/dev/shm/faketime_shm_{pid}").exists()
