"""The plot of a drill says what happened, in words and at the right place."""

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from operations.drills.plot import main, picture
from operations.drills.timeline import Event, Fault
from tests.operations.drills.timelines import timeline

SVG = "{http://www.w3.org/2000/svg}"


def test_the_same_record_gives_the_same_bytes() -> None:
    assert picture(timeline()) == picture(timeline())


def test_the_fault_is_said_in_words_and_with_its_times() -> None:
    drawn = picture(timeline(events=[Event(what="whole again", at=4.2)]))

    assert "kill -9 of a task: 2.0 to 3.5 s, until it is replaced" in drawn
    assert "whole again: at 4.2 s" in drawn
    for unit in ("per second", "milliseconds", "transactions", "seconds since the load began"):
        assert unit in drawn


def test_a_fault_that_never_ended_says_so_and_a_failed_drill_its_reason() -> None:
    drawn = picture(
        timeline(
            faults=[Fault(what="a task hangs", began=2.0)],
            problems=["CloudError: not within 60 s"],
        )
    )

    assert "a task hangs: from 2.0 s on" in drawn
    assert "FAILED: CloudError: not within 60 s" in drawn


def test_requests_that_were_sent_again_are_a_line_of_their_own() -> None:
    assert "failed and sent again" not in picture(timeline())
    assert "failed and sent again" in picture(timeline(retried=[2.1, 2.2]))


def test_a_line_has_the_same_colour_in_the_plots_of_all_drills() -> None:
    def colour_of_failures(**changes: Any) -> str:
        before, found, _ = picture(timeline(retried=[2.1], **changes)).partition(
            ">failed and sent again<"
        )
        assert found
        return str(re.findall(r"stroke: (#\w+)", before)[-1])  # that of its line in the legend

    assert colour_of_failures(queued=[]) == colour_of_failures(queued=[0.5])


def test_a_drill_in_which_nothing_was_acknowledged_has_a_plot_too() -> None:
    drawn = picture(timeline(asked=[], acknowledged=[], queued=[], archived=[]))

    assert ElementTree.fromstring(drawn).tag == f"{SVG}svg"


def test_the_picture_lies_beside_the_record(tmp_path: Path) -> None:
    file = tmp_path / "kill-task.json"
    timeline().write(file)

    assert main([str(file)]) == 0

    assert (tmp_path / "kill-task.svg").read_text() == picture(timeline())


def test_a_broken_record_is_an_error_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["plot", str(tmp_path / "gone.json")])
    monkeypatch.delitem(sys.modules, "operations.drills.plot")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("operations.drills.plot", run_name="__main__")

    assert ended.value.code == 1
    assert re.fullmatch(r".*gone\.json is no whole record.*\n", capsys.readouterr().err)


def test_a_drill_does_not_import_matplotlib() -> None:
    program = "import sys, operations.drills.recording; sys.exit('matplotlib' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
