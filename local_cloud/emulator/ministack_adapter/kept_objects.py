"""Objects are kept as they were acknowledged: a request that cannot be written is answered 503.

MiniStack's S3 changes its records, writes the files afterwards, and only logs an error of the disk:
such a change would be acknowledged and gone after a restart. Here, when one file of a request
cannot be written, records and files are as they were before it, and no event is sent. Replicas in
other buckets are not part of this.
"""

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from local_cloud.emulator.ministack_adapter.object_files import FileChanges, undo_unfinished

# The handlers of single objects that write files: bucket and key are their first arguments.
_HANDLERS: Final = (
    "_put_object", "_copy_object", "_complete_multipart_upload", "_delete_object",
    "_put_object_tagging", "_delete_object_tagging", "_put_object_acl",
    "_put_object_annotation", "_delete_object_annotation",
)  # fmt: skip
# Records by bucket, key and version.
_OF_VERSIONS: Final = (
    "_object_tags", "_object_acl", "_object_annotations", "_object_retention", "_object_legal_hold",
)  # fmt: skip
# How MiniStack's log begins for each error that it hides.
_HIDDEN_ERRORS: Final = (
    "Failed to persist", "Failed to read persisted", "Failed to delete persisted",
)  # fmt: skip

Answer = tuple[int, dict[str, str], bytes]


class _Request:
    def __init__(self, files: FileChanges) -> None:
        self.files = files
        self.events: list[Callable[[], None]] = []
        self.errors: list[str] = []


class KeptObjects(logging.Handler):
    """Create one before MiniStack answers requests.

    It undoes what a killed server did not finish. Raises StateError if it cannot be told.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._note = folder / "objects.changes"
        assert "ministack.services.s3" not in sys.modules, "it reads its files when it is imported"
        undo_unfinished(self._note)
        from ministack.services import s3  # noqa: PLC0415

        self._s3 = s3
        self._requests = threading.RLock()
        self._of_thread = threading.local()
        self._notify_directly = s3._fire_s3_event_async
        s3._fire_s3_event_async = self._notify
        s3._atomic_write = self._noting(s3._atomic_write, lambda place, *_: [place])
        s3._remove_key_files = self._noting(s3._remove_key_files, _with_sidecar)
        s3._delete_version_file = self._noting(
            s3._delete_version_file, lambda *version: [s3._version_disk_path(*version)]
        )
        for name in _HANDLERS:
            setattr(s3, name, self._whole(getattr(s3, name), lambda key, *_: [key]))
        s3._delete_objects = self._whole(s3._delete_objects, self._keys_of)
        s3._post_object = self._refuse_form
        s3.logger.addHandler(self)
        s3.logger.setLevel(logging.WARNING)

    @property
    def _request(self) -> _Request | None:
        """What this thread handles."""
        return getattr(self._of_thread, "request", None)

    # -- what MiniStack calls while it handles a request ------------------------------------

    def emit(self, record: logging.LogRecord) -> None:
        request = self._request
        if request is not None and str(record.msg).startswith(_HIDDEN_ERRORS):
            request.errors.append(record.getMessage())

    def _noting(
        self, change: Callable[..., None], places: Callable[..., Iterable[str | None]]
    ) -> Callable[..., None]:
        """`places` of the arguments: the files that `change` writes or deletes."""

        def changed(*arguments: Any, **options: Any) -> None:
            request = self._request
            if request is not None:
                try:
                    for place in places(*arguments):
                        if place is not None:
                            request.files.before_change(place)
                except OSError as error:
                    request.errors.append(str(error))
                    raise
            change(*arguments, **options)

        return changed

    def _notify(self, *event: Any, **fields: Any) -> None:
        request = self._request
        send = partial(self._notify_directly, *event, **fields)
        if request is None:
            send()
        else:
            request.events.append(send)

    # -- requests -----------------------------------------------------------------------------

    def _whole(
        self, handler: Callable[..., Answer], keys: Callable[..., Iterable[str]]
    ) -> Callable[..., Answer]:
        """`keys` of the arguments behind the bucket: those that the handler may change."""

        def handle(bucket: str, *rest: Any) -> Answer:
            answer = None
            with self._requests, self._one_request(bucket, keys(*rest)) as request:
                answer = handler(bucket, *rest)
            if answer is None or request.errors:
                return self._refusal(request.errors[0])
            for send in request.events:
                send()
            return answer

        return handle

    @contextlib.contextmanager
    def _one_request(self, bucket: str, keys: Iterable[str]) -> Iterator[_Request]:
        """After an error of a file, `errors` says which one; then nothing has changed."""
        undo_unfinished(self._note)  # it could not be undone before
        restorations = [self._restoration(bucket, key) for key in keys]
        request = self._of_thread.request = _Request(FileChanges(self._note))
        is_kept = False
        try:
            yield request
            is_kept = not request.errors
        except OSError:
            if not request.errors:
                raise
        finally:
            self._of_thread.request = None
            if is_kept:
                request.files.keep()
            else:
                for restore in restorations:
                    restore()
                request.files.undo()

    def _keys_of(self, body: bytes, *_: Any) -> list[str]:
        try:
            elements = self._s3.fromstring(body).iter()
        except Exception:  # noqa: BLE001 - the handler answers to what is not XML
            return []
        return [e.text for e in elements if e.tag.rpartition("}")[2] == "Key" and e.text]

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
        uploads = {
            name: upload
            for name, upload in s3._multipart_uploads.items()
            if (upload["bucket"], upload["key"]) == (bucket, key)
        }

        def restore() -> None:
            now = _places(bucket, key, s3._object_versions.get((bucket, key)))
            for name, before in of_versions.items():
                for place in now | before.keys():
                    _put_back(getattr(s3, name), place, before.get(place))
            _put_back(objects, key, current)
            _put_back(s3._object_versions, (bucket, key), copies)
            for name, upload in uploads.items():
                s3._multipart_uploads[name] = upload
                s3._completed_multipart_uploads.pop(name, None)

        return restore

    def _refusal(self, error: str) -> Answer:
        message = f"{error}: nothing was changed. Make room on the disk of the local cloud"
        refusal: Answer = self._s3._error("ServiceUnavailable", message, 503)
        return refusal

    def _refuse_form(self, *_: Any) -> Answer:
        message = "the local cloud does not take objects from forms of browsers"
        refusal: Answer = self._s3._error("NotImplemented", message, 501)
        return refusal


def _with_sidecar(place: str | None) -> list[str]:
    """Those that exist."""
    both = [] if place is None else [place, f"{place}.meta.json"]
    return [each for each in both if Path(each).is_file()]


def _places(bucket: str, key: str, versions: list[dict[str, Any]] | None) -> set[Any]:
    ids = {None, "null", *(version["version_id"] for version in versions or [])}
    return {(bucket, key, version) for version in ids}


def _put_back(store: Any, place: Any, before: Any) -> None:
    if before is None:
        store.pop(place, None)
    else:
        store[place] = before
