"""Reports whether a deployment would broaden permissions or upgrade a database.

Both come from the output of `cdk diff`.

Runs inside a build, from a checkout, before anything is installed: standard library only.
`python3 -m pipeline.steps.permission_gate <assembly> <stacks>` prints both diffs to stderr (the
log) and one bounded line to stdout (the message to the person who approves).
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

# An approval's message holds 1000 characters, including the text that the pipeline adds.
SUMMARY_LENGTH_MAX: Final = 700
CHANGE_LENGTH_MAX: Final = 160
_MORE: Final = "; and {} more"

_COUNT: Final = re.compile(r"Number of stacks with differences: (\d+)")
# The only property of this name in our templates is the database's.
_UPGRADE: Final = re.compile(
    r"\[~\] EngineVersion\s+├─ \[-\] (?P<old>\S+)\s+└─ \[\+\] (?P<new>\S+)"
)
_ROW: Final = re.compile(r"\s*│(.*)│\s*")

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


class GateError(Exception):
    """The diff failed, so the result is unknown: the run must stop here."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`changes`: a line for each added or removed rule; empty if no permission is broader.

    `upgrade`: the old and the new version of the database's engine.
    """

    is_broader: bool
    changes: tuple[str, ...] = ()
    upgrade: tuple[str, str] | None = None

    def summary(self) -> str:
        """One line of printable ASCII, at most SUMMARY_LENGTH_MAX characters."""
        text = ""
        if self.upgrade is not None:
            text = "DATABASE ENGINE {} becomes {}, which cannot be undone. ".format(*self.upgrade)
        if not self.is_broader:
            return f"{text}No IAM permission or security group rule becomes broader"
        text += f"BROADER PERMISSIONS ({len(self.changes)} changes)"
        for index, change in enumerate(self.changes):
            separator = ": " if index == 0 else "; "
            more = _MORE.format(len(self.changes) - index)
            if len(text + separator + change + _MORE) > SUMMARY_LENGTH_MAX:
                return text + more
            text += separator + change
        return text


def diff_command(assembly: str, stacks: str) -> list[str]:
    """A read-only `cdk diff` of everything. It exits with 0 also if something differs."""
    return ["cdk", "--app", assembly, "diff", "--method", "template", "--no-color", stacks]


def permissions_command(assembly: str, stacks: str) -> list[str]:
    """The same diff of permissions only. It exits with 1 if any becomes broader."""
    return [*diff_command(assembly, stacks), "--security-only", "--fail"]


def run_diff(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    # With a limited width the CLI would split long names.
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def judge_upgrade(exit_code: int, output: str) -> tuple[str, str] | None:
    """Return the old and the new engine version. Raises GateError if the result is not clear."""
    if exit_code != 0 or len(_COUNT.findall(output)) != 1:
        raise GateError(f"cdk diff ended with exit code {exit_code}: see above")
    found = _UPGRADE.search(output)
    return None if found is None else (found["old"], found["new"])


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
    try:
        verdict = replace(
            judge(*_logged(run(permissions_command(assembly, stacks)))),
            upgrade=judge_upgrade(*_logged(run(diff_command(assembly, stacks)))),
        )
    except GateError as error:
        sys.stderr.write(f"permission gate: {error}\n")
        return 1
    sys.stdout.write(f"{verdict.summary()}\n")
    return 0


def _logged(done: "subprocess.CompletedProcess[str]") -> tuple[int, str]:
    output = done.stdout + done.stderr
    sys.stderr.write(output)
    return done.returncode, output


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
