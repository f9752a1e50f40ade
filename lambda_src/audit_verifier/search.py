"""Looks for transactions in objects of a later time."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import suppress
from itertools import islice

from lambda_src.audit_verifier.archive import Archive
from lambda_src.audit_verifier.limits import Limits
from lambda_src.audit_verifier.listing import Listed, listed
from lambda_src.audit_verifier.records import Record, UnreadableContent, lines_of


def search(
    archive: Archive,
    executor: Executor,
    *,
    expected: dict[str, str],
    after: str,
    before: str,
    limits: Limits,
) -> Iterator[str]:
    """Remove from `expected` what is in an object between. Yields keys up to which all were read;
    stops when nothing is expected any more."""
    keys = listed(archive, after=after, before=before)
    while expected and (group := list(islice(keys, limits.batches))):
        for lines in executor.map(lambda each: _lines(archive, each), group):
            with suppress(UnreadableContent):  # compared by the verification of its own time
                for line in lines:
                    expected.pop(Record.of_object(line).transaction_id, None)
        yield group[-1].key


def _lines(archive: Archive, found: Listed) -> list[str]:
    stored = archive.read(found.newest) if found.is_readable else None
    if stored is None or not stored.is_intact:
        return []
    try:
        return lines_of(stored.content)
    except UnreadableContent:
        return []
