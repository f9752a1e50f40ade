"""Keeps queues and their messages in a journal, so that no acknowledged message is lost.

Every code path that adds or removes messages changes the list `messages` of a queue's record, or
replaces it. The lists and records here write to the journal before they change, and so before the
request is answered. How often a message was received is not written: after a kill it is visible at
once.
"""

import inspect
import pickle
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local_cloud.saved_state import Journal

_REWRITE_BYTES = 16 * 1024 * 1024

Key = tuple[Any, ...]


class KeptQueues:
    """Create one before MiniStack answers requests: it reads the journal."""

    def __init__(self, folder: Path) -> None:
        from ministack.services import sqs  # noqa: PLC0415 - reads the environment when imported

        self._sqs = sqs
        self._journal = Journal(folder, "queues")
        # MiniStack holds its lock in some of the paths that change messages: here all of them do.
        self.lock = sqs._queues_lock = threading.RLock()
        for name in ("_expire_retained", "_dlq_sweep"):
            setattr(sqs, name, self._locked(getattr(sqs, name)))
        for action, handler in sqs._HANDLERS.items():
            if not inspect.iscoroutinefunction(handler):
                sqs._HANDLERS[action] = self._locked(handler)
        found: dict[Key, dict[str, Any]] = {}
        for record in self._journal.read():
            _apply(found, record)
        self._written = {key: pickle.dumps(_about(queue)) for key, queue in found.items()}
        self.queues = sqs._queues._data = _Queues(self)
        for key, queue in found.items():
            queue["messages"] = list(queue["messages"].values())
            for message in queue["messages"]:
                sqs._ensure_msg_fields(message)
            sequence = max((int(m.get("seq") or 0) for m in queue["messages"]), default=0)
            queue["fifo_seq"] = max(queue.get("fifo_seq", 0), sequence)
            dict.__setitem__(self.queues, key, _Queue(self, key, queue))
        sqs._rebuild_queue_name_index()

    def append(self, *record: Any) -> None:
        self._journal.append(record)

    def save(self) -> None:
        """Write the attributes that have changed. Call it every second or so."""
        with self.lock:
            for key, queue in self.queues.items():
                about = pickle.dumps(_about(queue))
                if self._written.get(key) != about:
                    self.append("queue", key, _about(queue))
                    self._written[key] = about
            if self._journal.bytes > _REWRITE_BYTES + 2 * self._journal.bytes_at_rewrite:
                self.rewrite()

    def rewrite(self) -> None:
        """Write what there is now, with the times of receipts, and nothing else."""
        with self.lock:
            self._journal.rewrite(
                record
                for key, queue in self.queues.items()
                for record in (
                    ("queue", key, _about(queue)),
                    *(("add", key, dict(message)) for message in queue["messages"]),
                )
            )

    def created(self, key: Key, queue: Mapping[str, Any]) -> None:
        self._written[key] = pickle.dumps(_about(queue))
        self.append("gone", key)
        self.append("queue", key, _about(queue))
        for message in queue["messages"]:
            self.append("add", key, message)

    def deleted(self, key: Key) -> None:
        self._written.pop(key, None)
        self.append("gone", key)

    def _locked(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def locked(*arguments: Any) -> Any:
            with self.lock:
                return function(*arguments)

        return locked


class _Queues(dict[Key, dict[str, Any]]):
    """The records of all queues."""

    def __init__(self, kept: KeptQueues) -> None:
        super().__init__()
        self._kept = kept

    def __setitem__(self, key: Key, queue: dict[str, Any]) -> None:
        with self._kept.lock:
            self._kept.created(key, queue)
            super().__setitem__(key, _Queue(self._kept, key, queue))

    def pop(self, key: Key, *default: Any) -> Any:
        with self._kept.lock:
            if key in self:
                self._kept.deleted(key)
            return super().pop(key, *default)

    def __delitem__(self, key: Key) -> None:
        self.pop(key)

    def clear(self) -> None:
        for key in list(self):
            self.pop(key)

    def update(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError

    def setdefault(self, *_: Any) -> Any:
        raise NotImplementedError


class _Queue(dict[str, Any]):
    """The record of one queue."""

    def __init__(self, kept: KeptQueues, key: Key, record: Mapping[str, Any]) -> None:
        super().__init__(record)
        self._kept, self._key = kept, key
        super().__setitem__("messages", _Messages(kept, key, self, record["messages"]))

    def __setitem__(self, name: str, value: Any) -> None:
        if name != "messages":
            super().__setitem__(name, value)
            return
        with self._kept.lock:
            self["messages"].replaced_by(value)
            super().__setitem__(name, _Messages(self._kept, self._key, self, value))


class _Messages(list[dict[str, Any]]):
    """The messages of one queue.

    Other services take the list without the lock, and it may be replaced before they change it: a
    change is made to the list that the queue has then.
    """

    def __init__(
        self, kept: KeptQueues, key: Key, queue: _Queue, messages: list[dict[str, Any]]
    ) -> None:
        super().__init__(messages)
        self._kept, self._key, self._queue = kept, key, queue

    def append(self, message: dict[str, Any]) -> None:
        message.setdefault("id", str(uuid.uuid4()))
        with self._kept.lock:
            self._write("add", message)
            list.append(self._queue["messages"], message)

    def remove(self, message: dict[str, Any]) -> None:
        with self._kept.lock:
            current = self._queue["messages"]
            if current is not self and message not in current:
                return  # it was removed since the list was taken
            place = current.index(message)
            self._write("remove", [message["id"]])
            del current[place]

    def clear(self) -> None:
        with self._kept.lock:
            current = self._queue["messages"]
            self._write("remove", [message["id"] for message in current])
            list.clear(current)

    def _write(self, change: str, what: Any) -> None:
        """Into the journal, unless the queue was deleted in the meantime."""
        if self._kept.queues.get(self._key) is self._queue:
            self._kept.append(change, self._key, what)

    def replaced_by(self, others: list[dict[str, Any]]) -> None:
        """Write which messages are not among `others`: a part of this list, in its order."""
        if len(others) == len(self):
            return
        left = iter(others)
        expected = next(left, None)
        gone = []
        for message in self:
            if message is expected:
                expected = next(left, None)
            else:
                gone.append(message["id"])
        assert expected is None, "messages are only removed by a replacement"
        self._kept.append("remove", self._key, gone)


def _about(queue: Mapping[str, Any]) -> dict[str, Any]:
    """The record without its messages, and without the counts that MiniStack computes."""
    about = {name: value for name, value in queue.items() if name != "messages"}
    about["attributes"] = {
        name: value
        for name, value in queue["attributes"].items()
        if not name.startswith("ApproximateNumberOf")
    }
    return about


def _apply(found: dict[Key, dict[str, Any]], record: tuple[Any, ...]) -> None:
    match record:
        case ("queue", key, about):
            messages = found.get(key, {}).get("messages", {})
            found[key] = {**about, "messages": messages}
        case ("gone", key):
            found.pop(key, None)
        case ("add", key, message):
            found[key]["messages"][message["id"]] = message
        case ("remove", key, ids):
            for id_ in ids:
                found[key]["messages"].pop(id_, None)
        case _:
            raise AssertionError(f"unknown record {record[0]!r}")
