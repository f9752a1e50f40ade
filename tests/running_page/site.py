"""The page's own application behind a real socket, with a program in the place of make."""

import asyncio
import contextlib
import socket
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
_FAKE_MAKE: Final = r"""#!/bin/sh
folder=$(dirname "$0")
{ printf '%s\037' "$@"; echo; } >> "$folder/asked"
echo "asked for $*"
while [ -e "$folder/hold" ]; do sleep 0.05; done
echo finished
[ ! -e "$folder/fail" ] || exit 2
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
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.split("\037")[:-1] for line in lines]

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
    program = folder / "make"
    program.write_text(_FAKE_MAKE)
    return Runner(folder=folder, program=("sh", str(program)))


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
