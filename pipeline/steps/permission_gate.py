"""Reports whether a deployment would broaden permissions, from the output of `cdk diff`.

Runs inside a build, from a checkout, before anything is installed: standard library only.
`python3 -m pipeline.steps.permission_gate <assembly> <stacks>` prints the whole diff to stderr (the
log) and one bounded line to stdout (the message to the person who approves).
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

# An approval's message holds 1000 characters, including the text that the pipeline adds.
SUMMARY_LENGTH_MAX: Final = 700
CHANGE_LENGTH_MAX: Final = 160
_MORE: Final = "; and {} more"

_COUNT: Final = re.compile(r"Number of stacks with differences: (\d+)")
_ROW: Final = re.compile(r"\s*│(.*)│\s*")

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


class GateError(Exception):
    """The diff failed, so the result is unknown: the run must stop here."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`changes`: a line for each added or removed rule; empty if no permission is broader."""

    is_broader: bool
    changes: tuple[str, ...] = ()

    def summary(self) -> str:
        """One line of printable ASCII, at most SUMMARY_LENGTH_MAX characters."""
        if not self.is_broader:
            return "No IAM permission or security group rule becomes broader"
        text = f"BROADER PERMISSIONS ({len(self.changes)} changes)"
        for index, change in enumerate(self.changes):
            separator = ": " if index == 0 else "; "
            more = _MORE.format(len(self.changes) - index)
            if len(text + separator + change + _MORE) > SUMMARY_LENGTH_MAX:
                return text + more
            text += separator + change
        return text


def diff_command(assembly: str, stacks: str) -> list[str]:
    """A read-only `cdk diff` that reports only broader permissions, and exits 1 for any."""
    options = ["--security-only", "--fail", "--method", "template", "--no-color"]
    return ["cdk", "--app", assembly, "diff", *options, stacks]


def run_diff(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    # With a limited width the CLI would split long names.
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def judge(exit_code: int, output: str) -> Verdict:
    """Raises GateError if the result is not clear."""
    # An error also exits with 1, but prints no count.
    counted = _COUNT.findall(output)
    if exit_code == 0 and counted == ["0"]:
        return Verdict(is_broader=False)
    if exit_code == 1 and len(counted) == 1 and counted != ["0"]:
        return Verdict(is_broader=True, changes=tuple(_changes(output)))
    raise GateError(f"cdk diff ended with exit code {exit_code} and counted {counted}: see above")


def main(arguments: Sequence[str], run: Run = run_diff) -> int:
    assembly, stacks = arguments
    done = run(diff_command(assembly, stacks))
    output = done.stdout + done.stderr
    sys.stderr.write(output)
    try:
        verdict = judge(done.returncode, output)
    except GateError as error:
        sys.stderr.write(f"permission gate: {error}\n")
        return 1
    sys.stdout.write(f"{verdict.summary()}\n")
    return 0


def _changes(output: str) -> list[str]:
    """Each row of the tables in one line; rows without a sign continue the row above."""
    rows: list[list[str]] = []
    is_header = False
    for line in output.splitlines():
        is_header = is_header or line.startswith("┌")
        match = _ROW.fullmatch(line)
        if match is None:
            continue
        sign, *cells = [cell.strip() for cell in match[1].split("│")]
        if sign:
            rows.append([sign, *cells])
        elif not is_header:
            rows[-1][1:] = [f"{x} {y}" for x, y in zip(rows[-1][1:], cells, strict=True)]
        is_header = False
    return [_shortened(" ".join(" ".join(row).split())) for row in rows]


def _shortened(change: str) -> str:
    plain = re.sub(r"[^ -~]", "?", change)
    return plain if len(plain) <= CHANGE_LENGTH_MAX else f"{plain[: CHANGE_LENGTH_MAX - 3]}..."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
