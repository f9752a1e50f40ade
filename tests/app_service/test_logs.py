"""Log lines are JSON objects with the extra values as fields."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from app_service.logs import configure_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(stream)
    yield stream
    root.handlers[:], _ = before
    root.setLevel(before[1])


def test_a_line_is_json_with_its_extra_fields(stream: io.StringIO) -> None:
    logging.getLogger("a.b").warning("it %s", "rained", extra={"mm": 3, "where": object})
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": "a.b",
        "message": "it rained",
        "mm": 3,
        "where": "<class 'object'>",
    }


def test_an_error_carries_its_traceback_in_the_same_line(stream: io.StringIO) -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("a").exception("failed")
    [text] = stream.getvalue().splitlines()
    assert "ValueError: two\nlines" in json.loads(text)["exception"]


def test_libraries_log_from_warning_on(stream: io.StringIO) -> None:
    logging.getLogger("a").debug("detail")
    logging.getLogger("botocore.credentials").info("found")
    assert stream.getvalue() == ""


def test_lines_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        configure_logging()
        logging.getLogger("a").info("hello")
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
    assert json.loads(capsys.readouterr().out)["message"] == "hello"
