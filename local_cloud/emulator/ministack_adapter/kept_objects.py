"""Objects are kept whole or not at all: a request whose files cannot be written is answered 503.

MiniStack's S3 changes its records, writes the files afterwards, and only logs an error of the disk:
such an object would be acknowledged and gone after a restart. Here the files of a request take
their places together at its end. When one of them cannot be written, records and files are as they
were before the request, and no event is sent.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

# The handlers of single objects that write files: bucket and key are their first arguments.
_HANDLERS: Final = ("_put_object", "_copy_object", "_complete_multipart_upload", "_delete_object")
# Records by bucket, key and version.
_OF_VERSIONS: Final = (
    "_object_tags", "_object_acl", "_object_annotations", "_object_retention", "_object_legal_hold",
)  # fmt: skip
# How MiniStack's log begins for each error that it hides.
_HIDDEN_ERROR: Final = "Failed to persist"

Answer = tuple[int, dict[str, str], bytes]


@dataclass(kw_only=True)
class _Request:
    unfinished: dict[str, str] = field(default_factory=dict)  # the file beside each place
    events: list[Callable[[], None]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def keep(self) -> None:
        """Raises OSError."""
        # The sidecar first: without its data file a kill in between leaves no object.
        for place in sorted(self.unfinished, key=lambda place: not place.endswith(".meta.json")):
            Path(self.unfinished[place]).replace(place)
            del self.unfinished[place]

    def discard(self) -> None:
        for file in self.unfinished.values():
            Path(file).unlink(missing_ok=True)


class KeptObjects(logging.Handler):
    """Create one before MiniStack answers requests."""

    def __init__(self) -> None:
        super().__init__()
        from ministack.services import s3  # noqa: PLC0415 - reads the environment when imported

        self._s3 = s3
        self._requests = threading.RLock()
        self._of_thread = threading.local()
        self._write_directly, self._notify_directly = s3._atomic_write, s3._fire_s3_event_async
        s3._atomic_write, s3._fire_s3_event_async = self._write, self._notify
        for name in _HANDLERS:
            setattr(s3, name, self._whole(getattr(s3, name)))
        s3.logger.addHandler(self)

    @property
    def _request(self) -> _Request | None:
        """What this thread handles."""
        return getattr(self._of_thread, "request", None)

    def emit(self, record: logging.LogRecord) -> None:
        request = self._request
        if request is not None and str(record.msg).startswith(_HIDDEN_ERROR):
            request.errors.append(record.getMessage())

    def _write(self, place: str, content: Any, *, text: bool = False) -> None:
        request = self._request
        if request is None:
            self._write_directly(place, content, text=text)
            return
        file = request.unfinished[place] = f"{place}.tmp"  # ignored at a start
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w" if text else "wb") as opened:
            opened.write(content)

    def _notify(self, *event: Any, **fields: Any) -> None:
        send = partial(self._notify_directly, *event, **fields)
        request = self._request
        if request is None:
            send()
        else:
            request.events.append(send)

    def _whole(self, handler: Callable[..., Answer]) -> Callable[..., Answer]:
        def handle(bucket: str, key: str, *rest: Any) -> Answer:
            with self._requests, self._one_request(bucket, key) as request:
                answer = handler(bucket, key, *rest)
                if not request.errors:
                    try:
                        request.keep()
                    except OSError as error:
                        request.errors.append(str(error))
            if request.errors:
                return self._refusal(request.errors[0])
            for send in request.events:
                send()
            return answer

        return handle

    @contextlib.contextmanager
    def _one_request(self, bucket: str, key: str) -> Iterator[_Request]:
        restore = self._restoration(bucket, key)
        request = self._of_thread.request = _Request()
        is_kept = False
        try:
            yield request
            is_kept = not request.errors
        finally:
            self._of_thread.request = None
            if not is_kept:
                request.discard()
                restore()

    def _restoration(self, bucket: str, key: str) -> Callable[[], None]:
        """What brings the records of an object back to what they are now."""
        s3 = self._s3
        objects = s3._buckets[bucket]["objects"] if bucket in s3._buckets else {}
        current = dict(objects[key]) if key in objects else None
        versions = s3._object_versions.get((bucket, key))
        copies = None if versions is None else [dict(version) for version in versions]
        of_versions = {
            name: {place: getattr(s3, name).get(place) for place in _places(bucket, key, versions)}
            for name in _OF_VERSIONS
        }
        uploads = dict(s3._multipart_uploads._data)

        def restore() -> None:
            now = _places(bucket, key, s3._object_versions.get((bucket, key)))
            for name, before in of_versions.items():
                for place in now | before.keys():
                    _put_back(getattr(s3, name), place, before.get(place))
            _put_back(objects, key, current)
            _put_back(s3._object_versions, (bucket, key), copies)
            s3._multipart_uploads._data.update(uploads)
            for upload in uploads:
                s3._completed_multipart_uploads._data.pop(upload, None)

        return restore

    def _refusal(self, error: str) -> Answer:
        message = f"{error}: nothing was changed. Make room on the disk of the local cloud"
        refusal: Answer = self._s3._error("ServiceUnavailable", message, 503)
        return refusal


def _places(bucket: str, key: str, versions: list[dict[str, Any]] | None) -> set[Any]:
    ids = {None, "null", *(version["version_id"] for version in versions or [])}
    return {(bucket, key, version) for version in ids}


def _put_back(store: Any, place: Any, before: Any) -> None:
    if before is None:
        store.pop(place, None)
    else:
        store[place] = before
