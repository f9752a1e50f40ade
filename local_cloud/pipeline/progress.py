"""Shows a run: a live table on a terminal, plain lines where the output is piped."""

import contextlib
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from local_cloud.pipeline.definition import Definition
from local_cloud.pipeline.results import ActionResult, RunResult

_TAIL_LINES = 40
_COLOURS = {"Succeeded": "green", "Failed": "red", "InProgress": "cyan", "Stopped": "yellow"}


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What is shown of a definition: its name, and the actions of each stage in order."""

    name: str
    stages: tuple[tuple[str, tuple[str, ...]], ...]


def outline_of(definition: Definition) -> Outline:
    return Outline(
        name=definition.name,
        stages=tuple((s.name, tuple(a.name for a in s.actions)) for s in definition.stages),
    )


class Progress:
    """One run on one stream. Never fails the run: a reader that went away is written to no more."""

    def __init__(self, stream: TextIO | None = None, *, live: bool | None = None) -> None:
        self._stream = stream or sys.stdout
        is_terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._is_live = is_terminal if live is None else live
        self._lock = threading.RLock()
        self._started = time.monotonic()
        self._table: _LiveTable | None = None
        self._is_mute = False

    def waiting(self) -> None:
        """Another run of the pipeline holds the turn."""
        self._say("waiting: another run of this pipeline is in progress")

    def began(self, outline: Outline) -> None:
        """A pass along a definition begins; again after `restarted`."""
        with self._lock:
            self._close_table()
            if self._is_live:
                self._table = _LiveTable(outline, self._stream)
            else:
                names = " > ".join(stage for stage, _ in outline.stages)
                self._say(f"{outline.name}: {names}")

    def restarted(self) -> None:
        """The pipeline changed itself; the run begins anew."""
        with self._lock:
            self._close_table()
            self._say("the pipeline has changed itself: starting again with the new definition")

    def action_started(self, stage: str, action: str) -> None:
        with self._lock:
            if self._table is not None:
                self._table.set(stage, action, "InProgress")
            else:
                self._say(f"{stage}/{action}  started")

    def announce(self, text: str) -> None:
        """Something that a person should see now; also above a live table."""
        with self._lock:
            if self._table is not None:
                self._table.print(text)
            else:
                self._say(text)

    def action_ended(self, result: ActionResult) -> None:
        with self._lock:
            if self._table is not None:
                self._table.set(result.stage, result.name, result.state, seconds=result.seconds)
            else:
                self._say(f"{result.stage}/{result.name}  {result.state} ({result.seconds:.1f} s)")

    def finished(self, result: RunResult) -> None:
        """The last call: what failed with the end of its log, then how long everything took."""
        with self._lock:
            self._close_table()
            for action in result.failed_actions:
                self._write(f"\n{action.stage}/{action.name} failed: {action.reason}")
                self._write(f"the last lines of {action.log_file}:")
                for line in log_tail(action.log_file, _TAIL_LINES):
                    self._write(f"    {line}")
            self._write("")
            width = max((len(f"{a.stage}/{a.name}") for a in result.actions), default=0)
            for action in result.actions:
                name = f"{action.stage}/{action.name}"
                self._write(f"  {name:<{width}}  {action.state:<9}  {action.seconds:7.1f} s")
            again = f", started again {result.restarts} x" if result.restarts else ""
            reason = f": {result.reason}" if result.reason else ""
            self._write(
                f"{result.pipeline} {result.status} after {result.seconds:.1f} s{again}{reason}"
            )

    def _say(self, text: str) -> None:
        self._write(f"{time.monotonic() - self._started:6.1f}s  {text}")

    def _write(self, text: str) -> None:
        with self._lock:
            if self._is_mute:
                return
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                self._is_mute = True
                self._forget_stream()

    def _forget_stream(self) -> None:
        # What is still buffered must not fail again when the interpreter ends.
        with contextlib.suppress(OSError, ValueError):
            descriptor = os.open(os.devnull, os.O_WRONLY)
            os.dup2(descriptor, self._stream.fileno())
            os.close(descriptor)

    def _close_table(self) -> None:
        if self._table is not None:
            self._table.close()
            self._table = None


class _LiveTable:
    """The table that redraws itself until closed; its last picture stays on the screen."""

    def __init__(self, outline: Outline, stream: TextIO) -> None:
        self._title = outline.name
        self._rows = {(stage, name): _Row() for stage, names in outline.stages for name in names}
        console = Console(file=stream, force_terminal=True)
        self._live = Live(console=console, get_renderable=self._picture, refresh_per_second=4)
        self._live.start()

    def set(self, stage: str, action: str, state: str, *, seconds: float | None = None) -> None:
        row = self._rows[stage, action]
        row.state = state
        row.seconds = seconds
        row.started = row.started or time.monotonic()

    def print(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._live.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._live.stop()

    def _picture(self) -> Table:
        table = Table(title=self._title, title_justify="left", box=None)
        for heading in ("stage", "action", "state"):
            table.add_column(heading)
        table.add_column("time", justify="right")
        before = ""
        for (stage, action), row in self._rows.items():
            shown = "" if stage == before else stage
            before = stage
            state = f"[{_COLOURS.get(row.state, 'dim')}]{row.state}"
            table.add_row(shown, action, state, row.elapsed())
        return table


class _Row:
    """What the table shows of one action."""

    def __init__(self) -> None:
        self.state = "Waiting"
        self.started: float | None = None
        self.seconds: float | None = None

    def elapsed(self) -> str:
        if self.started is None:
            return ""
        seconds = time.monotonic() - self.started if self.seconds is None else self.seconds
        return f"{seconds:.1f} s"


def log_tail(file: Path, lines: int) -> list[str]:
    """The last lines of a log, terminal control characters removed."""
    with contextlib.suppress(FileNotFoundError):
        text = file.read_text(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        kept = ["".join(c for c in line if c.isprintable()) for line in text.split("\n")]
        return kept[:-1][-lines:] if kept[-1] == "" else kept[-lines:]
    return []
