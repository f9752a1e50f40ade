"""Who deleted a branch: the command that deletes it writes, who follows its run is shown it."""

import getpass
import json
import time
from datetime import datetime

from local_cloud.paths import CloudPaths


def record_deletion(paths: CloudPaths, *, branch: str, command: str) -> None:
    """Call before the deletion begins, or a follower could see its effect first."""
    entry = {"branch": branch, "command": command, "user": getpass.getuser(), "at": time.time()}
    with paths.deletions.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def who_deleted(paths: CloudPaths, *, branch: str, since: datetime) -> str:
    """A line that names who deleted `branch` after `since`; empty when nobody did so here."""
    if not paths.deletions.exists():
        return ""
    entries = [json.loads(line) for line in paths.deletions.read_text().splitlines()]
    for entry in reversed(entries):
        if entry["branch"] == branch and entry["at"] >= since.timestamp():
            return f"stopped: `{entry['command']}` of user {entry['user']} deleted branch {branch}"
    return ""
