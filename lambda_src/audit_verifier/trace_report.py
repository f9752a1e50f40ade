"""How far one transaction has come, as the callers of the verifier read it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar
from uuid import UUID

from lambda_src.audit_verifier.moments import is_time_ordered, moment_of
from lambda_src.shared.audit_objects import object_key, time_of_id

_Part = TypeVar("_Part")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """As the ledger has it. `posted_at` of a refused one is the time of the refusal."""

    transaction_id: str
    kind: str
    state: str  # posted or refused
    reason: str | None
    posted_at: str
    path: str | None
    client_id: str | None
    user_id: str | None
    trace_id: str | None
    message_id: str | None
    debit_account: int | None
    credit_account: int | None
    amount_minor: int | None
    currency: str | None
    target_id: str | None
    chain_id: str | None


@dataclass(frozen=True, kw_only=True)
class OutboxRow:
    outbox_id: int
    created_at: str
    transactions: int


@dataclass(frozen=True, kw_only=True)
class SealedBatch:
    """`sent_at` is None while it waits; `due_at` then says when a relay may try again."""

    batch_id: str
    chain_number: int | None
    posted_at: str
    sealed_at: str
    sent_at: str | None
    due_at: str | None
    refusals: int
    last_error: str | None
    transactions: int

    @property
    def key(self) -> str:
        """Of its object."""
        if is_time_ordered(self.batch_id):
            return object_key(time_of_id(UUID(self.batch_id)).date(), self.batch_id)
        return object_key(moment_of(self.posted_at).date(), self.batch_id)


@dataclass(frozen=True, kw_only=True)
class AuditObject:
    """`faults` is empty if the object is what ledger and chain say, byte for byte."""

    key: str
    version_id: str
    versions: int
    modified_at: str
    size: int
    sha256: str  # in base64, as S3 writes it
    chain_number: int | None
    record_hash: str | None  # of this transaction's record; None if the ledger has none to compare
    faults: list[str]


@dataclass(frozen=True, kw_only=True)
class Trace:
    now: str  # by the database's clock
    transaction: Recorded | None
    outbox: OutboxRow | None = None
    batch: SealedBatch | None = None
    key: str | None = None  # where the batch's object is, or will be
    object: AuditObject | None = None
    is_from_standby: bool = False  # which may not have yet what was posted a moment ago
    # Where it was not found because the search took too long, and was ended.
    not_searched: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> "Trace":
        """Of `to_json`, also of an earlier or later version."""
        return cls(
            now=document["now"],
            transaction=_of(Recorded, document["transaction"]),
            outbox=_of(OutboxRow, document["outbox"]),
            batch=_of(SealedBatch, document["batch"]),
            key=document["key"],
            object=_of(AuditObject, document["object"]),
            is_from_standby=document.get("is_from_standby", False),
            not_searched=document.get("not_searched", []),
        )


def _of(kind: type[_Part], document: Mapping[str, Any] | None) -> _Part | None:
    if document is None:
        return None
    return kind(**{each.name: document[each.name] for each in fields(kind)})  # type: ignore[arg-type]
