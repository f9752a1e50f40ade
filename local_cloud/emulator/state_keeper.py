"""Saves the emulator's state while it runs, and loads it when a server starts again.

Messages are in their journal before a request is answered, and objects in their files. The other
services are saved when they have changed, at most a second later: a thread looks every half second.
A large state is saved less often, so that saving takes a twentieth of the time at most, but not
while stacks change: a saved stack is never newer than its saved resources.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from local_cloud.emulator.away import service_of
from local_cloud.emulator.edge import App, Receive, Scope, Send
from local_cloud.emulator.ministack_adapter import kept_services
from local_cloud.emulator.ministack_adapter.kept_logs import KeptLogs
from local_cloud.emulator.ministack_adapter.kept_objects import KeptObjects
from local_cloud.emulator.ministack_adapter.kept_queues import KeptQueues
from local_cloud.saved_state import StateError, delete_unfinished, read_snapshot, write_snapshot

logger = logging.getLogger(__name__)

_INTERVAL_SECONDS: Final = 0.5
_PAUSE_FACTOR: Final = 20
# A second look at everything after activity whose effects are not known from the request.
_EVERYTHING_INTERVAL_SECONDS: Final = 30.0
_READS: Final = (b"Get", b"List", b"Describe", b"BatchGet", b"Query", b"Scan", b"Lookup", b"Filter")
# Their requests have effects on other services: everything may have changed.
_WIDE: Final = frozenset({"cloudformation", "states", "events", "scheduler", "lambda", "sns"})
_STACKS: Final = "cloudformation"
_LOG_JOURNAL: Final = "the journal of logs"
_JOURNALED: Final = frozenset({"sqs"})


@dataclass(kw_only=True)
class _Saved:
    digest: bytes = b""
    next_monotonic: float = 0.0
    seconds: float = 0.0  # how long the last saving took

    def pause_from(self, begun_monotonic: float) -> None:
        ended = time.monotonic()
        self.seconds = ended - begun_monotonic
        self.next_monotonic = ended + _PAUSE_FACTOR * self.seconds - _INTERVAL_SECONDS


@dataclass(kw_only=True)
class _Changes:
    """What requests may have changed since the last look. Thread-safe."""

    names: set[str] = field(default_factory=set)
    everything: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, service: str) -> None:
        with self.lock:
            if service in _WIDE:
                self.everything = True
            self.names.add(kept_services.module_of(service))

    def take(self) -> tuple[set[str], bool]:
        with self.lock:
            taken = self.names, self.everything
            self.names, self.everything = set(), False
        return taken


class StateKeeper:
    """Create it after MiniStack's settings are in place and before it answers requests.

    Raises StateError when the state is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        delete_unfinished(folder)
        KeptObjects(folder)
        self._queues = KeptQueues(folder)
        self._logs = KeptLogs(folder)
        self._saved: dict[str, _Saved] = {}
        self._changes = _Changes()
        self._works = 0
        self._next_everything_monotonic = 0.0
        self._has_been_working = True
        self._stopped = threading.Event()
        for file in sorted(folder.glob("*.state")):
            state = read_snapshot(file)
            if state is not None:
                kept_services.load_state(file.stem, state)
        self._thread = threading.Thread(target=self._watch, name="state-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Save everything. Call it when nothing changes any more.

        Raises StateError at the end when a part could not be saved.
        """
        self._stopped.set()
        self._thread.join()
        failed = [
            name
            for name in kept_services.loaded_services()
            if name != _STACKS and not _succeeds(name, partial(self._save, name))
        ]
        # Not newer than its resources.
        if failed or not _succeeds(_STACKS, partial(self._save, _STACKS)):
            failed.append(_STACKS)
        journals: tuple[tuple[str, Callable[[], None]], ...] = (
            ("queues", self._queues.rewrite),
            ("logs", self._logs.save),
            (_LOG_JOURNAL, self._logs.rewrite),
        )
        failed += [name for name, save in journals if not _succeeds(name, save)]
        if failed:
            raise StateError(
                f"not saved: {', '.join(failed)}. The log has the reasons; what was saved before "
                "is used at the next start"
            )

    def watch(self, inner: App) -> App:
        """An application that notes which services the requests to `inner` may change."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            service = service_of(scope) if scope["type"] == "http" else None
            changing = service is not None and not _only_reads(scope)
            try:
                await inner(scope, receive, send)
            finally:
                if changing and service is not None:
                    self._changes.note(service)

        return watched

    # -- the thread ---------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._stopped.wait(_INTERVAL_SECONDS):
            try:
                self._look()
            except Exception:  # the thread's boundary: the next round tries again
                logger.exception("the state was not saved")

    def _look(self) -> None:
        names, everything = self._changes.take()
        late = names
        try:
            now = time.monotonic()
            is_working, works = kept_services.is_working(), kept_services.works_started()
            everything |= is_working or self._has_been_working or works != self._works
            self._has_been_working, self._works = is_working, works
            if everything or now >= self._next_everything_monotonic:
                late = names = {*kept_services.loaded_services()}
                self._next_everything_monotonic = now + _EVERYTHING_INTERVAL_SECONDS
            _succeeds("queues", self._queues.save)
            now = time.monotonic()
            if not self._makes_a_pause(_LOG_JOURNAL):
                _succeeds("logs", self._logs.save)
                self._saved[_LOG_JOURNAL].pause_from(now)
            late = self._save_all(names)
            everything = False
        finally:
            with self._changes.lock:
                self._changes.names |= late
                self._changes.everything |= everything

    def _save_all(self, names: set[str]) -> set[str]:
        """Save these services; return those to save later.

        The stacks are copied first and written last, so that the resources of a saved stack are
        saved. When they have changed, no other service makes a pause.
        """
        late = {name for name in names if self._makes_a_pause(name)}
        stacks = None
        if _STACKS in names - late:
            try:
                stacks = self._changed(_STACKS)
            except Exception:  # one service must not hide the others
                late.add(_STACKS)
                logger.exception("the state of %s was not saved", _STACKS)
        if stacks is not None:
            names = names | {*kept_services.loaded_services()}
            late = set()
        for name in sorted(names - late - {_STACKS}):
            if not _succeeds(name, partial(self._save, name)):
                late.add(name)
        if stacks is not None and (
            late or not _succeeds(_STACKS, partial(self._write, _STACKS, stacks))
        ):
            late.add(_STACKS)
        return late

    def _makes_a_pause(self, name: str) -> bool:
        return time.monotonic() < self._saved.setdefault(name, _Saved()).next_monotonic

    def _save(self, name: str) -> None:
        state = self._changed(name)
        if state is not None:
            self._write(name, state)

    def _changed(self, name: str) -> bytes | None:
        """The state of a service, if it is not the saved one."""
        if name not in kept_services.loaded_services():
            return None
        saved = self._saved.setdefault(name, _Saved())
        begun = time.monotonic()
        state = kept_services.state_of(name)
        is_new = hashlib.sha256(state).digest() != saved.digest
        saved.pause_from(begun)
        return state if is_new else None

    def _write(self, name: str, state: bytes) -> None:
        saved = self._saved[name]
        begun = time.monotonic() - saved.seconds
        write_snapshot(self._folder / f"{name}.state", state)
        saved.digest = hashlib.sha256(state).digest()
        saved.pause_from(begun)


def _succeeds(name: str, save: Callable[[], None]) -> bool:
    """Save a part; an error is logged, because one part must not hide the others."""
    try:
        save()
    except Exception:
        logger.exception("the state of %s was not saved", name)
        return False
    return True


def _only_reads(scope: Mapping[str, object]) -> bool:
    """True if the request surely changes nothing. Some protocols name the action in the body."""
    if scope["method"] in {"GET", "HEAD"} or service_of(scope) in _JOURNALED:
        return True
    headers: object = scope["headers"]
    assert isinstance(headers, list | tuple)
    target = next((value for name, value in headers if name.lower() == b"x-amz-target"), b"")
    return bool(target.rpartition(b".")[2].startswith(_READS))
