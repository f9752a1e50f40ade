"""What is read from logs while they are written: their end, and what their writer does now."""

from pathlib import Path

import pytest

from local_cloud.pipeline.log_lines import current_activity, log_tail


def test_a_tail_is_the_last_lines_without_what_would_move_the_cursor(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("one\ntwo\r\n\x1b[2Jthree\rfour\n")
    assert log_tail(file, 3) == ["two", "[2Jthree", "four"]
    file.write_text("no line end")
    assert log_tail(file, 3) == ["no line end"]
    assert log_tail(tmp_path / "none", 3) == []


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
def test_what_a_log_says_is_done_now(tmp_path: Path, written: str, shown: str) -> None:
    file = tmp_path / "log"
    file.write_text(written)
    assert current_activity(file) == shown


def test_a_log_that_is_not_there_yet_says_nothing(tmp_path: Path) -> None:
    assert current_activity(tmp_path / "none") == ""
