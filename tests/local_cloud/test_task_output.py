"""`make logs`: the lines of all tasks, or a message when there are none."""

from pathlib import Path

import pytest

from local_cloud.paths import CloudPaths
from local_cloud.task_output import show_task_output


class Interrupted(Exception):
    """Simulates Ctrl-C."""


def test_each_line_is_printed_once_with_service_and_task(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = CloudPaths(tmp_path)
    log = paths.services / "api-main" / "0123456789abcdef.log"
    log.parent.mkdir(parents=True)
    log.write_text("first\n")
    turns = iter(["second\n", "third\n"])

    def sleep(_: float) -> None:
        for text in turns:
            log.write_text(log.read_text() + text)
            return
        raise Interrupted

    with pytest.raises(Interrupted):
        show_task_output(paths, follow=True, sleep=sleep)
    assert capsys.readouterr().out.splitlines() == [
        f"api-main 01234567  {line}" for line in ("first", "second", "third")
    ]


def test_without_tasks_it_prints_a_message_and_waits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = CloudPaths(tmp_path)

    def sleep(_: float) -> None:
        log = paths.services / "api-main" / "0123456789abcdef.log"
        if log.exists():
            raise Interrupted
        log.parent.mkdir(parents=True)
        log.write_text("hello\n")

    with pytest.raises(Interrupted):
        show_task_output(paths, follow=True, sleep=sleep)
    output = capsys.readouterr().out
    assert "no tasks have run in this local cloud" in output
    assert "`make up`" in output
    assert output.endswith("api-main 01234567  hello\n")
