"""Starts commands, without a shell, and keeps their output while the page runs.

The output goes to a file without a name and not to a pipe: a command that the page does not outlive
goes on to its end.
"""

import asyncio
import os
import re
import secrets
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from lambda_src.shared.branch_suffix import suffix_of_branch
from page.actions.action import Order, Subject
from page.actions.registry import VARIABLES

OUTPUT_BYTES_MAX: Final = 200_000  # shown, from the end
_COMMANDS_MAX: Final = 50  # ended ones are forgotten, the oldest first
# Make's own variables: options of the `make` that started the page are not those of the command.
_NOT_INHERITED: Final = VARIABLES | {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"}
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


class Busy(Exception):
    """A command for the same branch, environment or hub runs: `command`."""

    def __init__(self, command: "Command") -> None:
        super().__init__(f"`{command.order.command_line}` runs")
        self.command = command


@dataclass(kw_only=True)
class Command:
    """A started command. `exit_code` is None while it runs, and negative after a signal."""

    id: str
    order: Order
    started: datetime
    process: asyncio.subprocess.Process
    file: BinaryIO
    ended: datetime | None = None
    exit_code: int | None = None

    @property
    def is_running(self) -> bool:
        return self.ended is None

    @property
    def seconds(self) -> int:
        return int(((self.ended or datetime.now(UTC)) - self.started).total_seconds())

    @property
    def output(self) -> str:
        """The end of the output, in whole lines, without colors."""
        size = os.fstat(self.file.fileno()).st_size
        start = max(0, size - OUTPUT_BYTES_MAX)
        text = os.pread(self.file.fileno(), OUTPUT_BYTES_MAX, start).decode(errors="replace")
        if start:
            whole_lines = text.partition("\n")[2]
            text = f"[{start} bytes before this are not shown]\n{whole_lines}"
        return _CONTROL.sub("", text)

    def interrupt(self) -> None:
        """As Ctrl-C does: the command ends by its own rules."""
        if self.is_running:
            os.killpg(self.process.pid, signal.SIGINT)


@dataclass(kw_only=True)
class Runner:
    """Runs at most one command that is to be alone for each branch with its environment."""

    folder: Path  # the checkout, with its Makefile
    program: Sequence[str] = ("make",)
    _commands: dict[str, Command] = field(default_factory=dict)
    _waiting: set["asyncio.Task[None]"] = field(default_factory=set)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def command(self, command_id: str) -> Command | None:
        return self._commands.get(command_id)

    def commands(self) -> list[Command]:
        """Newest first."""
        return list(reversed(self._commands.values()))

    def running(self, order: Order) -> Command | None:
        """Return the command that must end before `order` can start."""
        return next(
            (c for c in self._commands.values() if c.is_running and _excludes(c.order, order)), None
        )

    async def start(self, order: Order) -> Command:
        """Raises Busy."""
        async with self._lock:
            if (running := self.running(order)) is not None:
                raise Busy(running)
            command = await self._started(order)
            self._commands[command.id] = command
        self._forget_old()
        task = asyncio.create_task(_wait(command))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return command

    async def _started(self, order: Order) -> Command:
        inherited = {name: v for name, v in os.environ.items() if name not in _NOT_INHERITED}
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the command is forgotten
        process = await asyncio.create_subprocess_exec(
            *self.program,
            *order.arguments,
            cwd=self.folder,
            env={**inherited, "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,  # Ctrl-C of the page is not for the command
        )
        return Command(
            id=secrets.token_hex(8),
            order=order,
            started=datetime.now(UTC),
            process=process,
            file=file,
        )

    def _forget_old(self) -> None:
        ended = [command for command in self._commands.values() if not command.is_running]
        for command in ended[: max(0, len(self._commands) - _COMMANDS_MAX)]:
            del self._commands[command.id]
            command.file.close()


async def _wait(command: Command) -> None:
    command.exit_code = await command.process.wait()
    command.ended = datetime.now(UTC)


def _excludes(one: Order, other: Order) -> bool:
    if one.arguments == other.arguments:
        return True
    return one.action.is_alone and other.action.is_alone and _place(one) == _place(other)


def _place(order: Order) -> str:
    """Return one name for a branch and its environment: the suffix."""
    if order.action.subject is Subject.BRANCH:
        return suffix_of_branch(order.subject)
    return order.subject
