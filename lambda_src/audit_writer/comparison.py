"""Whether a stored object holds the records of a batch, whatever compressed them."""

import gzip
import json
import zlib
from typing import Any, Final

from app_service.ledger.kinds import Kind
from app_service.outbox.canonical_record import HASH, canonical_text

_GZIP: Final = 16 + zlib.MAX_WBITS


def difference(stored: bytes, own: bytes, *, is_chained: bool) -> str | None:
    """What distinguishes the stored object from the batch's own content; None: nothing.

    A batch that was sealed before batches were chained may have been stored before records had all
    their fields: these may be absent.
    """
    text = gzip.decompress(own)
    found = _unpacked(stored, bytes_max=len(text))
    if found is None:
        return "is no gzip file, or a longer one"
    lines, own_lines = found.splitlines(), text.splitlines()
    if len(lines) != len(own_lines):
        return f"has {len(lines)} records and the batch {len(own_lines)}"
    for number, (line, own_line) in enumerate(zip(lines, own_lines, strict=True)):
        if line != own_line and (is_chained or not _is_earlier(line, json.loads(own_line))):
            return f"has another record in the place of transactions[{number}]"
    return None


def _unpacked(stored: bytes, *, bytes_max: int) -> bytes | None:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        text = unpacker.decompress(stored, bytes_max + 1)
    except zlib.error:
        return None
    return text if unpacker.eof and len(text) <= bytes_max and not unpacker.unused_data else None


def _is_earlier(line: bytes, record: dict[str, Any]) -> bool:
    """Whether the line is the record as a version wrote it that had fewer fields."""
    try:
        found = json.loads(line)
    except ValueError:
        return False
    if not isinstance(found, dict):
        return False
    if HASH in found and found[HASH] != record.get(HASH):
        return False
    # The first version wrote no kind. Before the chain there was no hash: the text leaves it out.
    lacks_kind = "kind" not in found and record.get("kind") == Kind.TRANSFER
    expected = {k: v for k, v in record.items() if not (k == "kind" and lacks_kind)}
    return canonical_text(found) == canonical_text(expected)
