"""A run on a terminal: a table of actions, and below it their current activity."""

import contextlib
import time
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

_COLOURS = {"Succeeded": "green", "Failed": "red", "InProgress": "cyan", "Stopped": "yellow"}


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A definition's name, and the actions of each stage in order."""

    name: str
    stages: tuple[tuple[str, tuple[str, ...]], ...]


class LiveTable:
    """Redraws the table until it is closed; the last state stays on the screen."""

    def __init__(self, outline: Outline, stream: TextIO) -> None:
        self._title = outline.name
        self._rows = {(stage, name): _Row() for stage, names in outline.stages for name in names}
        console = Console(file=stream, force_terminal=True)
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4)
        self._live.start()

    def set(self, stage: str, action: str, state: str, *, seconds: float | None = None) -> None:
        row = self._rows[stage, action]
        row.state = state
        row.seconds = seconds
        row.started = row.started or time.monotonic()

    def doing(self, stage: str, action: str, text: str) -> None:
        self._rows[stage, action].doing = text

    def print(self, text: str) -> None:
        """Print a line above the table, without wrapping, so that a path in it can be copied."""
        with contextlib.suppress(OSError, ValueError):
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._live.stop()

    def _render(self) -> RenderableType:
        table = Table(title=self._title, title_justify="left", box=None)
        for heading in ("stage", "action", "state"):
            table.add_column(heading)
        table.add_column("time", justify="right")
        before = ""
        for (stage, action), row in self._rows.items():
            shown = "" if stage == before else stage
            before = stage
            # Text, not markup: a line printed above would redraw the table without markup.
            state = Text(row.state, style=_COLOURS.get(row.state, "dim"))
            table.add_row(shown, action, state, row.elapsed())
        return Group(table, *self._activities())

    def _activities(self) -> list[Text]:
        lines = []
        for (stage, action), row in self._rows.items():
            if row.state == "InProgress" and row.doing:
                activity = f"{stage}/{action}: {row.doing}"
                lines.append(Text(activity, no_wrap=True, overflow="ellipsis"))
        return lines


class _Row:
    """The state of one action in the table."""

    def __init__(self) -> None:
        self.state = "Waiting"
        self.started: float | None = None
        self.seconds: float | None = None
        self.doing = ""

    def elapsed(self) -> str:
        if self.started is None:
            return ""
        seconds = time.monotonic() - self.started if self.seconds is None else self.seconds
        return f"{seconds:.1f} s"
