"""Keeps log events in a journal: only the new ones are written, because there are many."""

import pickle
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_cloud.saved_state import Journal

_REWRITE_BYTES = 64 * 1024 * 1024
# CloudWatch keeps them for ever; one machine cannot.
_DAYS_WITHOUT_RETENTION = 1

Key = tuple[Any, ...]


@dataclass(kw_only=True)
class _Group:
    """What the journal holds of a group: `streams` are MiniStack's records by name."""

    record: dict[str, Any]
    about: bytes = b""
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)


class KeptLogs:
    """Create one before MiniStack answers requests: it reads the journal."""

    def __init__(self, folder: Path) -> None:
        from ministack.services import cloudwatch_logs  # noqa: PLC0415

        self._logs = cloudwatch_logs
        self._journal = Journal(folder, "logs")
        self._written: dict[Key, _Group] = {}
        # Events that are not in the journal yet, by the identity of their stream's record.
        self._new: dict[int, list[Any]] = {}
        self._lock = threading.Lock()
        found: dict[Key, dict[str, Any]] = {}
        for record in self._journal.read():
            _apply(found, record)
        cloudwatch_logs._log_groups._data.update(found)
        self._written = {key: _group(group) for key, group in found.items()}
        self.rewrite(with_streams=True)
        inner = cloudwatch_logs._append_log_events

        def append(stream: dict[str, Any], events: list[Any]) -> None:
            with self._lock:
                inner(stream, events)
                self._new.setdefault(id(stream), []).extend(events)

        cloudwatch_logs._append_log_events = append

    def save(self) -> None:
        """Write what is new. Call it every second or so."""
        groups = dict(self._logs._log_groups._data)
        for key in [key for key in self._written if key not in groups]:
            self._append("group gone", key)
            del self._written[key]
        for key, group in groups.items():
            self._save_group(key, group)
        if self._journal.bytes > _REWRITE_BYTES + 2 * self._journal.bytes_at_rewrite:
            self.rewrite()

    def rewrite(self, *, with_streams: bool = False) -> None:
        """Delete events that are past their retention, and write what there is then."""
        with self._lock:
            groups = dict(self._logs._log_groups._data)
            for group in groups.values():
                self._forget_old(group, with_streams=with_streams)
            self._journal.rewrite(_everything(groups))
            self._written = {key: _group(group) for key, group in groups.items()}
            self._new.clear()

    def _forget_old(self, group: dict[str, Any], *, with_streams: bool) -> None:
        """Streams only while nothing runs: a task creates its stream once, and may be silent."""
        days = group.get("retentionInDays") or _DAYS_WITHOUT_RETENTION
        oldest = (time.time() - days * 24 * 3600) * 1000
        for name, stream in dict(group["streams"]).items():
            with self._logs._log_events_lock:
                events = [event for event in stream["events"] if event["timestamp"] >= oldest]
                if len(events) != len(stream["events"]):
                    stream["events"] = events
            if with_streams and not events and stream["creationTime"] < oldest:
                group["streams"].pop(name, None)

    def _append(self, *record: Any) -> None:
        self._journal.append(record)

    def _save_group(self, key: Key, group: dict[str, Any]) -> None:
        about = pickle.dumps(_about(group, "streams"))
        written = self._written.get(key)
        if written is None or written.record is not group:
            self._append("group gone", key)
            written = self._written[key] = _Group(record=group)
        if written.about != about:
            self._append("group", key, _about(group, "streams"))
            written.about = about
        streams = dict(group["streams"])
        for name in [name for name in written.streams if name not in streams]:
            self._append("stream gone", key, name)
            self._new.pop(id(written.streams.pop(name)), None)
        for name, stream in streams.items():
            is_continued = written.streams.get(name) is stream
            if is_continued and id(stream) not in self._new:
                continue
            with self._lock:
                new = self._new.get(id(stream), []) if is_continued else list(stream["events"])
                self._append("events", key, name, _about(stream, "events"), new, is_continued)
                written.streams[name] = stream
                self._new.pop(id(stream), None)


def _everything(groups: Mapping[Key, dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for key, group in groups.items():
        yield "group", key, _about(group, "streams")
        for name, stream in dict(group["streams"]).items():
            yield "events", key, name, _about(stream, "events"), stream["events"], False


def _group(group: dict[str, Any]) -> _Group:
    about = pickle.dumps(_about(group, "streams"))
    return _Group(record=group, about=about, streams=dict(group["streams"]))


def _about(record: Mapping[str, Any], but: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != but}


def _apply(found: dict[Key, dict[str, Any]], record: tuple[Any, ...]) -> None:
    match record:
        case ("group", key, about):
            streams = found.get(key, {}).get("streams", {})
            found[key] = {**about, "streams": streams}
        case ("group gone", key):
            found.pop(key, None)
        case ("stream gone", key, name):
            found[key]["streams"].pop(name, None)
        case ("events", key, name, about, events, is_continued):
            before = found[key]["streams"][name]["events"] if is_continued else []
            before.extend(events)
            times = [event["timestamp"] for event in before[-len(events) - 1 :]]
            if times != sorted(times):  # some came late
                before.sort(key=lambda event: event["timestamp"])
            found[key]["streams"][name] = {**about, "events": before}
        case _:
            raise AssertionError(f"unknown record {record[0]!r}")
