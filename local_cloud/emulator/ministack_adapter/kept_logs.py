"""Keeps log events in a journal: only the new ones are written, because there are many."""

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_cloud.saved_state import Journal

_REWRITE_BYTES = 64 * 1024 * 1024

Key = tuple[Any, ...]


@dataclass(kw_only=True)
class _Stream:
    """What the journal holds of a stream."""

    about: dict[str, Any]
    events: list[Any]  # MiniStack's list: it replaces the list when events come late
    count: int


@dataclass(kw_only=True)
class _Group:
    about: bytes
    record: dict[str, Any]
    streams: dict[str, _Stream] = field(default_factory=dict)


class KeptLogs:
    """Create one before MiniStack answers requests: it reads the journal."""

    def __init__(self, folder: Path) -> None:
        from ministack.services import cloudwatch_logs  # noqa: PLC0415

        self._logs = cloudwatch_logs
        self._journal = Journal(folder, "logs")
        self._written: dict[Key, _Group] = {}
        found: dict[Key, dict[str, Any]] = {}
        for record in self._journal.read():
            _apply(found, record)
        cloudwatch_logs._log_groups._data.update(found)
        for key, group in found.items():
            written = _group(group)
            for name, stream in group["streams"].items():
                written.streams[name] = _stream(stream)
            self._written[key] = written

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

    def rewrite(self) -> None:
        """Write what there is now, and nothing else. Call it from the thread that calls `save`."""
        self._journal.rewrite(self._everything())

    def _append(self, *record: Any) -> None:
        self._journal.append(record)

    def _save_group(self, key: Key, group: dict[str, Any]) -> None:
        about = pickle.dumps(_about(group, "streams"))
        written = self._written.get(key)
        if written is None or written.record is not group:
            self._append("group gone", key)
            written = self._written[key] = _Group(about=b"", record=group)
        if written.about != about:
            self._append("group", key, _about(group, "streams"))
            written.about = about
        streams = dict(group["streams"])
        for name in [name for name in written.streams if name not in streams]:
            self._append("stream gone", key, name)
            del written.streams[name]
        for name, stream in streams.items():
            self._save_stream(key, name, stream, written.streams)

    def _save_stream(
        self, key: Key, name: str, stream: dict[str, Any], streams: dict[str, _Stream]
    ) -> None:
        written = streams.get(name)
        with self._logs._log_events_lock:
            events, about = stream["events"], _about(stream, "events")
            count = len(events)
            if written is not None and written.events is events and written.count == count:
                return
            is_continued = (
                written is not None and written.events is events and written.count <= count
            )
            new = events[written.count :] if written is not None and is_continued else events[:]
        self._append("events", key, name, about, new, is_continued)
        streams[name] = _Stream(about=about, events=events, count=count)

    def _everything(self) -> Iterator[tuple[Any, ...]]:
        for key, written in self._written.items():
            yield "group", key, _about(written.record, "streams")
            for name, stream in written.streams.items():
                yield "events", key, name, stream.about, stream.events[: stream.count], False


def _group(group: dict[str, Any]) -> _Group:
    return _Group(about=pickle.dumps(_about(group, "streams")), record=group)


def _stream(stream: dict[str, Any]) -> _Stream:
    events = stream["events"]
    return _Stream(about=_about(stream, "events"), events=events, count=len(events))


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
            found[key]["streams"][name] = {**about, "events": before}
        case _:
            raise AssertionError(f"unknown record {record[0]!r}")
