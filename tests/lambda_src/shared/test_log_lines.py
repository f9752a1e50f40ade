"""S52: log lines can be grouped and filtered by field."""

import io
import json
import logging
import sys

import pytest

from lambda_src.shared.log_lines import JsonLines, write_json_lines


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("lambda_src.x", logging.WARNING, __file__, 1, message, args, None)
    vars(made).update(extra)
    return made


def test_a_line_is_one_json_object_with_context_and_extras() -> None:
    line = JsonLines(environment="dev").format(record("kept %d\nof them", 2, message_id="m1"))
    assert "\n" not in line
    assert json.loads(line) == {
        "level": "WARNING",
        "message": "kept 2\nof them",
        "logger": "lambda_src.x",
        "environment": "dev",
        "message_id": "m1",
    }


def test_an_exception_is_in_the_same_line() -> None:
    failed = record("failed")
    try:
        raise ValueError("no good")
    except ValueError:
        failed.exc_info = sys.exc_info()
    line = JsonLines().format(failed)
    assert "\n" not in line
    assert "ValueError: no good" in json.loads(line)["exception"]


def test_a_handler_that_the_runtime_installed_is_kept_and_writes_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = io.StringIO()
    runtime = logging.StreamHandler(lines)
    monkeypatch.setattr(logging.getLogger(), "handlers", [runtime])
    write_json_lines(environment_suffix="dev")
    logging.getLogger("lambda_src.x").info("posted")
    logging.getLogger("branch_hub.functions.x").info("admitted")
    logging.getLogger("botocore").info("chatter")
    messages = [json.loads(line)["message"] for line in lines.getvalue().splitlines()]
    assert messages == ["posted", "admitted"]
    assert logging.getLogger().handlers == [runtime]


def test_without_a_handler_lines_go_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    write_json_lines(environment_suffix="dev")
    logging.getLogger("lambda_src.x").info("done")
    assert json.loads(capsys.readouterr().err)["environment"] == "dev"
