"""The page's own application behind a real socket, with a program in the place of make."""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from page.actions.runner import Runner
from tests.running_page.account import World

ROOT: Final = Path(__file__).parents[2]
# Records what it was asked for; with a file `hold` it waits until that file is gone.
_FAKE_MAKE: Final = """
import json, sys, time
from pathlib import Path
folder = Path(__file__).parent
with (folder / "asked").open("a") as asked:
    print(json.dumps(sys.argv[1:]), file=asked)
print("asked for", *sys.argv[1:], flush=True)
while (folder / "hold").exists():
    time.sleep(0.05)
print("finished")
sys.exit(2 if (folder / "fail").exists() else 0)
"""


@dataclass(kw_only=True)
class Site:
    address: str
    world: World
    runner: Runner
    folder: Path  # of the fake make

    @property
    def asked(self) -> list[list[str]]:
        """What make was asked for, one list of arguments for each time."""
        file = self.folder / "asked"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def forget(self) -> None:
        for name in ("asked", "hold", "fail"):
            (self.folder / name).unlink(missing_ok=True)

    def hold(self) -> None:
        (self.folder / "hold").touch()

    def release(self) -> None:
        (self.folder / "hold").unlink()

    def fail(self) -> None:
        (self.folder / "fail").touch()


def fake_make(folder: Path) -> Runner:
    program = folder / "make.py"
    program.write_text(_FAKE_MAKE)
    return Runner(folder=folder, program=(sys.executable, str(program)))


@contextlib.asynccontextmanager
async def served(app: ASGIApp, *, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """The address of `app` at a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
