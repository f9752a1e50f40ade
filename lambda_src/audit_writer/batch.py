"""A posted batch in the audit trail's format: its content determines key and bytes."""

import gzip
import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from app_service.ledger.fields import InvalidField, parse_uuid, shape
from app_service.ledger.kinds import MOVING, Kind
from lambda_src.audit_writer.chain import Chain
from lambda_src.audit_writer.records import check_records, parse_moment
from lambda_src.shared import audit_objects
from lambda_src.shared.messages import Unprocessable, open_envelope
from lambda_src.shared.queue_messages import POSTED_TYPE, POSTED_VERSION

_UUID_WITH_TIME: Final = 7


@dataclass(frozen=True, kw_only=True)
class PostedBatch:
    batch_id: UUID
    posted_at: str  # as the message writes it
    day: datetime  # of the object's key, in UTC
    transactions: tuple[dict[str, Any], ...]
    chain: Chain | None = None  # None: sealed before batches were chained

    @classmethod
    def parse(cls, body: str) -> "PostedBatch":
        """The batch of a `transactions.posted` message. Raises Unprocessable."""
        envelope = open_envelope(body, message_type=POSTED_TYPE, version=POSTED_VERSION)
        try:
            return cls._of(envelope)
        except InvalidField as error:
            raise Unprocessable(f"invalid_batch: {error}") from None

    @classmethod
    def _of(cls, envelope: dict[str, Any]) -> "PostedBatch":
        batch_id = parse_uuid("batch_id", envelope.get("batch_id"))
        posted_at = parse_moment("posted_at", envelope.get("posted_at"))
        records = envelope.get("transactions")
        if not isinstance(records, list) or not records:
            raise InvalidField(
                f"transactions: must be a list of at least one object, got {shape(records)}"
            )
        check_records(records)
        batch = cls(
            batch_id=batch_id,
            posted_at=envelope["posted_at"],
            day=_day(batch_id, posted_at, records),
            transactions=tuple(records),
            chain=Chain.parse(envelope["chain"]) if "chain" in envelope else None,
        )
        if batch.chain is not None:
            batch.chain.check(
                batch_id=batch_id, posted_at=batch.posted_at, records=batch.transactions
            )
        return batch

    @property
    def key(self) -> str:
        """The object's key: a second delivery of this batch finds the first object."""
        return audit_objects.object_key(self.day, self.batch_id)

    @property
    def metadata(self) -> dict[str, str]:
        """The object's metadata: what is in the message beside the records."""
        if self.chain is None:
            return {}
        return {
            audit_objects.NUMBER: str(self.chain.number),
            audit_objects.PREVIOUS_HASH: self.chain.previous_hash,
            audit_objects.RECORDS_HASH: self.chain.records_hash,
            audit_objects.BATCH_HASH: self.chain.hash,
            audit_objects.POSTED_AT: self.posted_at,
        }

    @property
    def trace_id(self) -> str | None:
        """Of the request that posted all of it, if it was one."""
        traces: set[str | None] = {record.get("trace_id") for record in self.transactions}
        return traces.pop() if len(traces) == 1 else None

    @property
    def amounts_minor(self) -> Counter[str]:
        """The amounts moved, by currency. Holds, voids and expiries move nothing."""
        amounts: Counter[str] = Counter()
        for transaction in self.transactions:
            if transaction.get("kind", Kind.TRANSFER) in MOVING:
                amounts[transaction["currency"]] += transaction["amount_minor"]
        return amounts

    @property
    def content(self) -> bytes:
        """One JSON object per line, compressed, without the time of writing: reproducible."""
        lines = [json.dumps(t, separators=(",", ":")) + "\n" for t in self.transactions]
        return gzip.compress("".join(lines).encode("ascii"), mtime=0)


def _day(batch_id: UUID, posted_at: datetime, records: list[dict[str, Any]]) -> datetime:
    """The day of the object's key. It must follow from the batch alone, or a message with another
    time would make a second object. Raises InvalidField."""
    if batch_id.version == _UUID_WITH_TIME:
        try:
            return audit_objects.time_of_id(batch_id)
        except OverflowError:
            raise InvalidField("batch_id: must be of a time before the year 10000") from None
    # Earlier batches: the id has no time. All transactions of a batch are of one day.
    for number, record in enumerate(records):
        if parse_moment("posted_at", record["posted_at"]).date() != posted_at.date():
            raise InvalidField(
                f"transactions[{number}].posted_at: must be of the batch's day, "
                f"{posted_at:%Y-%m-%d}, got another"
            )
    return posted_at
