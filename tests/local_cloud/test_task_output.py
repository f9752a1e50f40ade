"""`make logs`: the lines of all tasks, and words where there are none."""

from pathlib import Path

import pytest

from local_cloud.paths import CloudPaths
from local_cloud.task_output import show_task_output


class Interrupted(Exception):
    """Stands for Ctrl-C."""


def test_lines_come_behind_service_and_task_and_only_once(
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


def test_without_tasks_it_says_so_and_goes_on_looking(
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
    said = capsys.readouterr().out
    assert "no tasks have run in this local cloud" in said
    assert "`make up`" in said
    assert said.endswith("api-main 01234567  hello\n")
