"""The display of a run."""

import io
import os
import re
import threading
from pathlib import Path

import pytest

from local_cloud.pipeline.executions import pipeline_folder
from local_cloud.pipeline.follow import follow_run
from local_cloud.pipeline.live_table import Outline
from local_cloud.pipeline.progress import Progress
from local_cloud.pipeline.results import ActionResult
from tests.local_cloud.pipeline.conftest import Cloud, build, source, stage


@pytest.fixture
def green(cloud: Cloud) -> Cloud:
    cloud.project("p", "true")
    cloud.deploy(source(), stage("Build", build("Synth", "p")))
    return cloud


def test_piped_output_is_plain_lines_with_times(green: Cloud) -> None:
    shown = io.StringIO()
    green.run(Progress(shown))
    lines = shown.getvalue().splitlines()
    assert re.fullmatch(r" *\d+\.\ds  delivery: Source > Build", lines[0])
    assert re.fullmatch(r" *\d+\.\ds  Source/repo  started", lines[1])
    assert re.fullmatch(r" *\d+\.\ds  Build/Synth  Succeeded \(\d+\.\d s\)", lines[4])
    assert re.fullmatch(r"  Build/Synth  Succeeded  +\d+\.\d s", lines[-2])
    assert re.fullmatch(r"delivery Succeeded after \d+\.\d s", lines[-1])
    assert "\x1b" not in shown.getvalue()


def test_a_terminal_gets_a_table_that_ends_with_every_state(green: Cloud) -> None:
    shown = io.StringIO()
    green.run(Progress(shown, live=True))
    text = without_control_sequences(shown.getvalue())
    last = text[text.rindex("stage") :]
    assert re.search(r"Source +repo +Succeeded +\d+\.\d s", last)
    assert re.search(r"Build +Synth +Succeeded +\d+\.\d s", last)


def test_a_closed_output_does_not_fail_the_run(green: Cloud) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        assert green.run(Progress(stream)).succeeded


def without_control_sequences(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def test_plain_output_shows_a_changed_activity_at_a_minimum_interval() -> None:
    shown, now = io.StringIO(), [0.0]
    progress = Progress(shown, live=False, clock=lambda: now[0])
    progress.action_started("Build", "Synth", log=Path("/logs/Synth.log"))
    for seconds, text in ((1, "a"), (9, "b"), (11, "c"), (12, "d"), (22, "c"), (23, "e"), (24, "")):
        now[0] = float(seconds)
        progress.action_does("Build", "Synth", text)
    assert shown.getvalue().splitlines() == [
        "   0.0s  Build/Synth  started, log: /logs/Synth.log",
        "  11.0s  Build/Synth  c",
        "  23.0s  Build/Synth  e",
    ]


def test_a_terminal_shows_the_activity_until_the_action_ends_and_keeps_its_log_path() -> None:
    shown = io.StringIO()
    outline = Outline(name="p", stages=(("Build", ("Synth",)),))
    log = Path("/logs") / ("long/" * 40) / "Synth.log"

    def table() -> str:
        """The table at the end of an attempt."""
        progress.restarted()
        return without_control_sequences(shown.getvalue())

    progress = Progress(shown, live=True)
    progress.began(outline)
    progress.action_started("Build", "Synth", log=log)
    progress.action_does("Build", "Synth", "tests 7/9")
    during = table()
    assert f"Build/Synth log: {log}\n" in during
    assert "Build/Synth: tests 7/9" in during.rpartition("InProgress")[2]
    assert "[" not in during
    progress.began(outline)
    progress.action_started("Build", "Synth")
    progress.action_does("Build", "Synth", "tests 9/9")
    progress.action_ended(
        ActionResult(
            stage="Build", name="Synth", state="Succeeded", seconds=1.0, reason="", log_file=log
        )
    )
    after = table().rpartition("Succeeded")[2]
    assert "tests" not in after


def test_a_follower_shows_the_activity_of_a_build_and_its_log(cloud: Cloud) -> None:
    """From the record, while another thread runs the pipeline."""
    follows = threading.Event()
    shown = io.StringIO()

    class NoInterval(Progress):
        def action_does(self, stage: str, action: str, text: str) -> None:
            if text == "halfway":
                self.announce(f"does {stage}/{action} {text}")
                mark.touch()

    mark = cloud.state / "go on"
    cloud.project("p", f'echo halfway; until test -e "{mark}"; do sleep 0.05; done')
    cloud.deploy(source(), stage("Build", build("Synth", "p")))
    runner = threading.Thread(target=cloud.run)
    runner.start()
    folder = pipeline_folder(cloud.state, "delivery") / "executions"
    while not (found := list(folder.glob("*/state.json"))):
        follows.wait(0.05)
    result = follow_run(
        cloud.state, "delivery", found[0].parent.name, NoInterval(shown, live=False)
    )
    runner.join()
    assert result.succeeded, shown.getvalue()
    assert "does Build/Synth halfway" in shown.getvalue()
    log = next(a.log_file for a in result.actions if a.name == "Synth")
    assert f"Build/Synth  started, log: {log}" in shown.getvalue()
