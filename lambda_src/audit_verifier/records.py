"""Audit records: as the ledger has them now, and as an object holds them."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from app_service.outbox.canonical_record import HASH, record_hash
from lambda_src.audit_verifier.limits import OBJECT_BYTES_MAX

_GZIP = 16 + zlib.MAX_WBITS
# At the end of a record, as ledger.audit_records writes it.
_HASH_BEGINS, _HASH_ENDS = f', "{HASH}": "', '"}'
_LINE = json.JSONEncoder(separators=(",", ":"))
_HASH_LENGTH = len(_HASH_BEGINS) + 64 + len(_HASH_ENDS)


class UnreadableContent(Exception):
    """The object holds no audit records; the message says what is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    transaction_id: str
    posted_at: str
    fields: Mapping[str, Any] = field(repr=False)
    line: str = field(repr=False)  # as the audit writer stores it
    hash: str  # computed here

    @classmethod
    def of_ledger(cls, text: str) -> "Record":
        """Of what `ledger.audit_records` returns: the canonical text, with the hash at its end."""
        fields = json.loads(text)
        return cls(
            transaction_id=fields["transaction_id"],
            posted_at=fields["posted_at"],
            fields=fields,
            line=line_of(fields),
            hash=sha256(f"{text[:-_HASH_LENGTH]}}}".encode()).hexdigest(),
        )

    @classmethod
    def of_object(cls, line: str) -> "Record":
        """Raises UnreadableContent."""
        try:
            fields = json.loads(line)
            return cls(
                transaction_id=str(UUID(fields["transaction_id"])),
                posted_at=str(fields.get("posted_at", "")),
                fields=fields,
                line=line,
                hash=record_hash(fields),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise UnreadableContent(f"a line is no audit record: {line[:60]!r}") from None


def line_of(fields: Mapping[str, Any]) -> str:
    """As the audit writer writes it."""
    return _LINE.encode(fields)


def lines_of(content: bytes) -> list[str]:
    """Of an object, as stored. Raises UnreadableContent."""
    unpacking = zlib.decompressobj(_GZIP)
    try:
        text = unpacking.decompress(content, OBJECT_BYTES_MAX).decode("ascii")
    except (zlib.error, UnicodeDecodeError) as error:
        raise UnreadableContent(f"it is no gzipped text: {error}") from None
    if not unpacking.eof or unpacking.unused_data:
        raise UnreadableContent(
            f"it is no whole gzip file of at most {OBJECT_BYTES_MAX} bytes of text"
        )
    if not text.endswith("\n"):
        raise UnreadableContent("it does not end with a line break")
    return text.removesuffix("\n").split("\n")


def transaction_of(line: str) -> str | None:
    """Its id; None if the line is no audit record."""
    try:
        return Record.of_object(line).transaction_id
    except UnreadableContent:
        return None
