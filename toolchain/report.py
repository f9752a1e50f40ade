"""Messages of set-up, and starting programs: set-up ends when one of them fails."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

_LAST_LINES = 12


def say(message: str) -> None:
    print(f"setup: {message}", file=sys.stderr, flush=True)


def fail(message: str) -> NoReturn:
    say(message)
    sys.exit(1)


def run(
    what: str,
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run `command` in `folder` and return its output. Ends the process when it fails.

    `what` completes "could not ..."; the message ends with the command's last lines.
    """
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment or os.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = "\n".join(f"  {line}" for line in done.stdout.strip().splitlines()[-_LAST_LINES:])
        fail(
            f"could not {what} (exit {done.returncode}):\n{last}\n"
            "setup: correct the error above, then run it again; "
            "the first time, the package registries must be reachable"
        )
    return done.stdout
