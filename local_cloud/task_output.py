"""Shows the logs of all tasks as one stream."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from local_cloud.paths import CloudPaths

_FOLLOW_INTERVAL_SECONDS = 0.5


def show_task_output(
    paths: CloudPaths, *, follow: bool, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Print new lines of every task's log with the names of service and task in front.

    With `follow` it runs until it is interrupted.
    """
    positions: dict[Path, int] = {}
    if not _logs(paths):
        print(
            "no tasks have run in this local cloud: `make up` or `git push local <branch>` deploys "
            "them; for the logs of a pipeline's run see the paths that the run prints"
        )
        if follow:
            print("waiting for tasks (Ctrl-C stops this) ...")
    while True:
        for file in _logs(paths):
            with file.open("rb") as opened:
                opened.seek(positions.get(file, 0))
                for line in opened:
                    text = line.decode(errors="replace").rstrip()
                    print(f"{file.parent.name} {file.stem[:8]}  {text}")
                positions[file] = opened.tell()
        if not follow:
            return
        sys.stdout.flush()
        sleep(_FOLLOW_INTERVAL_SECONDS)


def _logs(paths: CloudPaths) -> list[Path]:
    return sorted(paths.services.glob("*/*.log"))
