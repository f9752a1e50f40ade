"""What a person sees of a run."""

import io
import os
import re
from pathlib import Path

import pytest

from local_cloud.pipeline.progress import Progress, log_tail
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
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.getvalue())
    last = text[text.rindex("stage") :]
    assert re.search(r"Source +repo +Succeeded +\d+\.\d s", last)
    assert re.search(r"Build +Synth +Succeeded +\d+\.\d s", last)


def test_a_reader_that_goes_away_does_not_fail_the_run(green: Cloud) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        assert green.run(Progress(stream)).succeeded


def test_a_tail_is_the_last_lines_without_what_would_move_the_cursor(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("one\ntwo\r\n\x1b[2Jthree\rfour\n")
    assert log_tail(file, 3) == ["two", "[2Jthree", "four"]
    file.write_text("no line end")
    assert log_tail(file, 3) == ["no line end"]
    assert log_tail(tmp_path / "none", 3) == []
