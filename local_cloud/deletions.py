"""Records who deleted a branch, for the messages of commands that follow its run."""

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import datetime

from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError
from local_cloud.users import user_name


def record_deletion(paths: CloudPaths, *, branch: str, command: str) -> None:
    """Call before the deletion begins: a command that follows the run reads the record then."""
    entry = {"branch": branch, "command": command, "user": user_name(), "at": time.time()}
    with paths.deletions.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def who_deleted(paths: CloudPaths, *, branch: str, since: datetime) -> str:
    """A line that names who deleted `branch` after `since`; empty if there is no record."""
    if not paths.deletions.exists():
        return ""
    entries = [json.loads(line) for line in paths.deletions.read_text().splitlines()]
    for entry in reversed(entries):
        if entry["branch"] == branch and entry["at"] >= since.timestamp():
            return f"stopped: `{entry['command']}` of user {entry['user']} deleted branch {branch}"
    return ""


@contextlib.contextmanager
def deletion_named(paths: CloudPaths, *, branch: str, since: datetime) -> Iterator[None]:
    """Add who deleted `branch` to a CloudError that the block raises."""
    try:
        yield
    except CloudError as error:
        deleted = who_deleted(paths, branch=branch, since=since)
        if not deleted:
            raise
        raise CloudError(f"{error}\n{deleted}") from error
