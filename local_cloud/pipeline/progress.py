"""Shows a run: as a live table on a terminal, as plain lines when the output is piped."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from local_cloud.pipeline.causes import what_failed
from local_cloud.pipeline.definition import Definition
from local_cloud.pipeline.live_table import LiveTable, Outline
from local_cloud.pipeline.results import ActionResult, RunResult

_ACTIVITY_INTERVAL_SECONDS = 10.0  # between two lines about one action, in plain output


def outline_of(definition: Definition) -> Outline:
    return Outline(
        name=definition.name,
        stages=tuple((s.name, tuple(a.name for a in s.actions)) for s in definition.stages),
    )


class Progress:
    """One run on one stream. When the reader has closed the stream, output stops, not the run."""

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        live: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream or sys.stdout
        is_terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._is_live = is_terminal if live is None else live
        self._lock = threading.RLock()
        self._clock = clock
        self._started = clock()
        self._activities: dict[tuple[str, str], _Activity] = {}
        self._table: LiveTable | None = None
        self._is_mute = False

    def waiting(self) -> None:
        """Another run of the pipeline holds the turn."""
        self._line("waiting: another run of this pipeline is in progress")

    def began(self, outline: Outline) -> None:
        """An attempt begins; again after `restarted`."""
        with self._lock:
            self._close_table()
            if self._is_live:
                self._table = LiveTable(outline, self._stream)
            else:
                names = " > ".join(stage for stage, _ in outline.stages)
                self._line(f"{outline.name}: {names}")

    def restarted(self) -> None:
        """The pipeline changed itself; the run starts again."""
        with self._lock:
            self._close_table()
            self._line("the pipeline has changed itself: starting again with the new definition")

    def action_started(self, stage: str, action: str, *, log: Path | None = None) -> None:
        """`log`: the file with the action's output."""
        with self._lock:
            self._activities[stage, action] = _Activity(shown_at=self._clock())
            if self._table is not None:
                self._table.set(stage, action, "InProgress")
                if log is not None:
                    self._table.print(f"{stage}/{action} log: {log}")
            else:
                self._line(f"{stage}/{action}  started" + (f", log: {log}" if log else ""))

    def action_does(self, stage: str, action: str, text: str) -> None:
        """The current activity of an action. May be called often."""
        with self._lock:
            if self._table is not None:
                self._table.doing(stage, action, text)
            elif self._activities[stage, action].is_due(text, self._clock()):
                self._line(f"{stage}/{action}  {text}")

    def announce(self, text: str) -> None:
        """Show a line; on a terminal, above the table."""
        with self._lock:
            if self._table is not None:
                self._table.print(text)
            else:
                self._line(text)

    def action_ended(self, result: ActionResult) -> None:
        with self._lock:
            if self._table is not None:
                self._table.set(result.stage, result.name, result.state, seconds=result.seconds)
            else:
                self._line(f"{result.stage}/{result.name}  {result.state} ({result.seconds:.1f} s)")

    def finished(self, result: RunResult) -> None:
        """Show the failed actions with the end of their logs, then the duration of every action."""
        with self._lock:
            self._close_table()
            for action in result.failed_actions:
                self._write(f"\n{action.stage}/{action.name} failed: {action.reason}")
                for line in what_failed(action.log_file):
                    self._write(line)
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

    def _line(self, text: str) -> None:
        self._write(f"{self._clock() - self._started:6.1f}s  {text}")

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
        # Buffered output must not fail again when the interpreter exits.
        with contextlib.suppress(OSError, ValueError):
            descriptor = os.open(os.devnull, os.O_WRONLY)
            os.dup2(descriptor, self._stream.fileno())
            os.close(descriptor)

    def _close_table(self) -> None:
        if self._table is not None:
            self._table.close()
            self._table = None


class _Activity:
    """Limits the plain lines about one action: only changes, at a minimum interval."""

    def __init__(self, *, shown_at: float) -> None:
        self._shown_at = shown_at
        self._shown = ""

    def is_due(self, text: str, now: float) -> bool:
        if text in ("", self._shown) or now - self._shown_at < _ACTIVITY_INTERVAL_SECONDS:
            return False
        self._shown, self._shown_at = text, now
        return True
