"""The keys of the audit bucket: what is listed under each, and what a key says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from lambda_src.audit_verifier.archive import Archive, ObjectVersion
from lambda_src.audit_verifier.limits import OBJECT_BYTES_MAX
from lambda_src.audit_verifier.moments import is_time_ordered
from lambda_src.shared.audit_objects import AUDIT_PREFIX, object_key, time_of_id

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_KEY = re.compile(rf"{AUDIT_PREFIX}(\d{{4}}/\d\d/\d\d)/({_UUID})\.ndjson\.gz")


@dataclass(kw_only=True, slots=True)
class Listed:
    """One key of the bucket."""

    key: str
    newest: ObjectVersion
    versions: int
    markers: int

    @property
    def is_readable(self) -> bool:
        """It is no delete marker, and not larger than what is held in memory."""
        return not self.newest.is_marker and self.newest.size <= OBJECT_BYTES_MAX

    @property
    def bytes_read(self) -> int:
        return self.newest.size if self.is_readable else 0

    @property
    def day(self) -> str | None:
        """Of the key, as yyyy/mm/dd; None if it is not the key of a batch."""
        return found[1] if (found := _KEY.fullmatch(self.key)) else None

    @property
    def id_of_another_day(self) -> str | None:
        """Of a batch whose id has the time of another day; None if it is not such a key."""
        found = _KEY.fullmatch(self.key)
        if found is None or self.batch_id is not None:
            return None
        return found[2]

    @property
    def batch_id(self) -> str | None:
        """None if the batch of this id would have another key, or if there is no id."""
        found = _KEY.fullmatch(self.key)
        if found is None or not _is_key_of(found[2], self.key):
            return None
        return found[2]


def _is_key_of(batch_id: str, key: str) -> bool:
    try:
        return not is_time_ordered(batch_id) or key_of(batch_id) == key
    except OverflowError:  # an id of no year that a key can have
        return False


def key_of(batch_id: str) -> str:
    """Of a batch whose id says when it was sealed."""
    return object_key(time_of_id(UUID(batch_id)).date(), batch_id)


def listed(
    archive: Archive, *, prefix: str = AUDIT_PREFIX, after: str = "", before: str | None = None
) -> Iterator[Listed]:
    """The keys between, in their order."""
    versions = archive.versions(prefix=prefix, after=after)
    found: Listed | None = None
    for version in versions:
        if found is None or version.key != found.key:
            if found is not None:
                yield found
            if before is not None and version.key >= before:
                return
            found = Listed(key=version.key, newest=version, versions=0, markers=0)
        found.markers += version.is_marker
        found.versions += not version.is_marker
    if found is not None:
        yield found
