"""Shows a run: a live table on a terminal, plain lines where the output is piped."""

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

_ACTIVITY_INTERVAL_SECONDS = 10.0  # between two lines about one action, where lines stay


def outline_of(definition: Definition) -> Outline:
    return Outline(
        name=definition.name,
        stages=tuple((s.name, tuple(a.name for a in s.actions)) for s in definition.stages),
    )


class Progress:
    """One run on one stream. Never fails the run: a reader that went away is written to no more."""

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
        self._say("waiting: another run of this pipeline is in progress")

    def began(self, outline: Outline) -> None:
        """A pass along a definition begins; again after `restarted`."""
        with self._lock:
            self._close_table()
            if self._is_live:
                self._table = LiveTable(outline, self._stream)
            else:
                names = " > ".join(stage for stage, _ in outline.stages)
                self._say(f"{outline.name}: {names}")

    def restarted(self) -> None:
        """The pipeline changed itself; the run begins anew."""
        with self._lock:
            self._close_table()
            self._say("the pipeline has changed itself: starting again with the new definition")

    def action_started(self, stage: str, action: str, *, log: Path | None = None) -> None:
        """`log`: where a person can read along."""
        with self._lock:
            self._activities[stage, action] = _Activity(said_at=self._clock())
            if self._table is not None:
                self._table.set(stage, action, "InProgress")
                if log is not None:
                    self._table.print(f"{stage}/{action} log: {log}")
            else:
                self._say(f"{stage}/{action}  started" + (f", log: {log}" if log else ""))

    def action_does(self, stage: str, action: str, text: str) -> None:
        """What a started action does now; may be called as often as one likes."""
        with self._lock:
            if self._table is not None:
                self._table.doing(stage, action, text)
            elif self._activities[stage, action].is_due(text, self._clock()):
                self._say(f"{stage}/{action}  {text}")

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

    def _say(self, text: str) -> None:
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
        # What is still buffered must not fail again when the interpreter ends.
        with contextlib.suppress(OSError, ValueError):
            descriptor = os.open(os.devnull, os.O_WRONLY)
            os.dup2(descriptor, self._stream.fileno())
            os.close(descriptor)

    def _close_table(self) -> None:
        if self._table is not None:
            self._table.close()
            self._table = None


class _Activity:
    """Lines that stay are few: only what changed, and not too soon after the last one."""

    def __init__(self, *, said_at: float) -> None:
        self._said_at = said_at
        self._said = ""

    def is_due(self, text: str, now: float) -> bool:
        if text in ("", self._said) or now - self._said_at < _ACTIVITY_INTERVAL_SECONDS:
            return False
        self._said, self._said_at = text, now
        return True
