"""Reads the logs of actions while they are still written."""

import contextlib
import re
from pathlib import Path

_END_BYTES = 8 * 1024
_SHOWN_CHARACTERS = 160
_BUILD_PREFIX = re.compile(r"(\[Container\] )?\d\d:\d\d:\d\d (Running command )?")
# A line of pytest: a character per test, then the progress.
_TEST_COUNT = re.compile(r"[.FEsxX]* *\[ *(\d+(?:/\d+|%))\]")
_TESTS = re.compile(r"[.FEsxX]+")


def log_lines(file: Path) -> list[str]:
    """All lines of a log, terminal control characters removed."""
    with contextlib.suppress(FileNotFoundError):
        return _readable(file.read_bytes())
    return []


def current_activity(file: Path) -> str:
    """The last line of the log, or the progress of pytest; empty for an empty log."""
    for line in reversed(_last_lines(file)):
        text = _BUILD_PREFIX.sub("", line.strip(), count=1)
        if count := _TEST_COUNT.fullmatch(text):
            return f"tests {count[1]}"
        if text and not _TESTS.fullmatch(text):
            return text[:_SHOWN_CHARACTERS]
    return ""


def _last_lines(file: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError), file.open("rb") as log:
        end = log.seek(0, 2)
        log.seek(max(0, end - _END_BYTES))
        lines = _readable(log.read())
        return lines if end <= _END_BYTES else lines[1:]  # the first line is incomplete
    return []


def _readable(content: bytes) -> list[str]:
    text = content.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = ["".join(c for c in line if c.isprintable()) for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines
