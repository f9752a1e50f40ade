"""Fails and lists the processes that still run for a local cloud's state folder.

It reads /proc itself, independently of the code that stops these processes.
"""

import os
import sys
from pathlib import Path


def main() -> int:
    state = str(Path(sys.argv[1]).resolve()).encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            command = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
            folder = bytes((process / "cwd").readlink())
        except OSError:
            continue  # it has ended, or is another user's
        is_of_cloud = b"LOCAL_CLOUD_STATE=" + state in environment.split(b"\0")
        if state in command or is_of_cloud or folder.startswith(state):
            found.append(f"{process.name}: {command.replace(bytes(1), b' ').decode()}")
    for line in found:
        print(f"still running: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
