"""The chain of batches: each names the hash of the batch before it (docs/messages.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app_service.ledger.fields import InvalidField, parse_integer, shape
from lambda_src.audit_writer.records import parse_hash
from lambda_src.shared.audit_objects import FIRST_PREVIOUS_HASH, batch_hash, records_hash


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The place of a batch in the chain."""

    number: int  # from 1
    previous_hash: str
    records_hash: str
    hash: str

    @classmethod
    def parse(cls, value: object) -> "Chain":
        """Raises InvalidField."""
        if not isinstance(value, dict):
            raise InvalidField(f"chain: must be an object, got {shape(value)}")
        return cls(
            number=parse_integer("chain.number", value.get("number")),
            previous_hash=parse_hash("chain.previous_hash", value.get("previous_hash")),
            records_hash=parse_hash("chain.records_hash", value.get("records_hash")),
            hash=parse_hash("chain.hash", value.get("hash")),
        )

    def check(
        self, *, batch_id: UUID, posted_at: str, records: Sequence[Mapping[str, Any]]
    ) -> None:
        """Raises InvalidField unless both hashes are those of this batch.

        `posted_at` as the message writes it; the records are checked already.
        """
        for number, record in enumerate(records):
            if "hash" not in record:
                raise InvalidField(
                    f"transactions[{number}].hash: missing; a batch with a chain needs it"
                )
        _require("records_hash", self.records_hash, records_hash(r["hash"] for r in records))
        if self.number == 1:
            _require("previous_hash", self.previous_hash, FIRST_PREVIOUS_HASH)
        expected = batch_hash(
            previous_hash=self.previous_hash,
            number=self.number,
            batch_id=batch_id,
            posted_at=posted_at,
            records_hash=self.records_hash,
        )
        _require("hash", self.hash, expected)


def _require(field: str, found: str, expected: str) -> None:
    if found != expected:
        raise InvalidField(f"chain.{field}: must be {expected} for this batch, got {found}")
