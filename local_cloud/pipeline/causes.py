"""Finds the lines of a failed build's log that name the error."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from local_cloud.pipeline.log_lines import log_lines

_TAIL_LINES = 40
_TAIL_LINES_AFTER_CAUSES = 12
_SHOWN_CAUSES = 5
_SHOWN_CHARACTERS = 300
# Output of the project's own checks.
_CHECKS = re.compile(
    r"error: .+"  # ruff format: a file that it cannot parse
    r"|Would reformat: .+"
    r"|\S+:\d+(:\d+)?:? (\w+ )?error:? .+"  # mypy, hadolint
    r"|(FAILED|ERROR) \S+.*"  # the summary of pytest
    r"|FAIL Required test coverage .+"
    r"|>> Issue: .+"  # bandit
)
# Below the message of ruff check.
_PLACE = re.compile(r" *--> (\S+:\d+:\d+)")
# The last lines of other programs. Passing tests may print such lines too.
_OTHERS = re.compile(
    r"([\w.]+\.)?\w*(Error|Exception|Refused|Invalid): .+"
    r"|\[Error at .+"
    r"|(fail|npm error|fatal): .+"
    r"|setup: (could not|no) .+"
)


def what_failed(log: Path) -> list[str]:
    """The lines to show of a failed action: its causes, then the end of its log."""
    lines = log_lines(log)
    found = causes(lines)
    tail = lines[-(_TAIL_LINES_AFTER_CAUSES if found else _TAIL_LINES) :]
    return [
        *(f"  {cause}" for cause in found),
        f"the last lines of {log}:",
        *(f"    {line}" for line in tail),
    ]


def causes(lines: Sequence[str]) -> list[str]:
    """The first lines of a log that name an error; empty when no known kind of error is found."""
    found = list(dict.fromkeys(_found_by_checks(lines)))
    found = found or list(dict.fromkeys(line for line in lines if _OTHERS.fullmatch(line)))
    shown = [line[:_SHOWN_CHARACTERS] for line in found[:_SHOWN_CAUSES]]
    left = len(found) - len(shown)
    return [*shown, f"... and {left} more"] if left else shown


def _found_by_checks(lines: Sequence[str]) -> Iterator[str]:
    for line, following in pairwise([*lines, ""]):
        if place := _PLACE.fullmatch(following):
            yield f"{place[1]}: {line.strip()}"
        elif _CHECKS.fullmatch(line):
            yield line
