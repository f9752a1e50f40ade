"""The record of a drill: written, read again, and refused if it is not whole."""

import time
from pathlib import Path

import pytest

from operations.drills.timeline import Event, FaultLog, RecordBroken, Timeline
from tests.operations.drills.timelines import timeline


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "kill-task.json"
    written = timeline(events=[Event(what="whole again", at=4.2)], problems=["one is missing"])

    written.write(file)

    assert Timeline.read(file) == written


def test_a_record_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kill-task.json"
    timeline().write(file)
    file.write_bytes(file.read_bytes()[:200])

    with pytest.raises(RecordBroken, match=r"kill-task\.json is no whole record .* run the drill"):
        Timeline.read(file)


def test_an_acknowledgement_without_its_request_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kill-task.json"
    timeline(asked=[0.1]).write(file)

    with pytest.raises(RecordBroken, match="`asked` has 1 times and `acknowledged` 15"):
        Timeline.read(file)


def test_a_field_that_is_missing_is_named(tmp_path: Path) -> None:
    file = tmp_path / "kill-task.json"
    file.write_text("{}")

    with pytest.raises(RecordBroken, match="missing required field `drill`"):
        Timeline.read(file)


def test_a_fault_is_noted_as_it_happens_and_in_seconds_of_the_load() -> None:
    faults = FaultLog()
    start = time.monotonic() - 3
    began = faults.begins("a task hangs")
    faults.ends("it is replaced", at=began + 2)
    faults.notes("whole again", at=began + 2.5)
    faults.begins("the zone is lost")

    [hang, zone], [whole] = faults.since(start)

    assert (hang.what, hang.until) == ("a task hangs", "it is replaced")
    assert hang.began == pytest.approx(began - start, abs=0.002)
    assert hang.ended == pytest.approx(hang.began + 2, abs=0.002)
    assert zone.ended is None, "a drill that fails leaves its fault without an end"
    assert whole.at == pytest.approx(hang.began + 2.5, abs=0.002)


def test_without_a_time_a_fault_ends_now() -> None:
    faults = FaultLog()
    faults.begins("a task hangs")
    faults.ends("it is replaced")
    faults.notes("whole again")

    [hang], [whole] = faults.since(0.0)

    assert hang.ended is not None
    assert hang.began <= hang.ended <= whole.at <= time.monotonic() + 0.001
