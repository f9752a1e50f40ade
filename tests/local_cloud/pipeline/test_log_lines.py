"""Logs are read while they are written: their lines, and what their writer does now."""

from pathlib import Path

import pytest

from local_cloud.pipeline.log_lines import current_activity, log_lines


def test_the_lines_of_a_log_hold_no_control_characters(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("one\ntwo\r\n\x1b[2Jthree\rfour\n")
    assert log_lines(file) == ["one", "two", "[2Jthree", "four"]
    file.write_text("no line end")
    assert log_lines(file) == ["no line end"]
    assert log_lines(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", ""),
        ("first\nlast\n\n", "last"),
        ("[Container] 10:11:12 Running command make test\n", "make test"),
        ("10:11:12 stack x: UPDATE_COMPLETE\n", "stack x: UPDATE_COMPLETE"),
        ("collected\n......F... [ 10/300]\n......", "tests 10/300"),
        (".......... [  3%]\n", "tests 3%"),
        ("All checks passed!\n....", "All checks passed!"),
        (f"{'.' * 200}\n" * 200 + "the last of a long log", "the last of a long log"),
    ],
)
def test_the_activity_is_the_last_line_or_the_progress_of_tests(
    tmp_path: Path, written: str, shown: str
) -> None:
    file = tmp_path / "log"
    file.write_text(written)
    assert current_activity(file) == shown


def test_a_missing_log_has_no_activity(tmp_path: Path) -> None:
    assert current_activity(tmp_path / "none") == ""
