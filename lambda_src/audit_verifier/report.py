"""What a verification found, as its callers read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from lambda_src.audit_verifier.moments import text_of

# Lambda takes answers of at most 6 MB; the cursor needs half of it.
DISCREPANCIES_MAX: Final = 1000  # listed in one report; all are counted
DETAIL_MAX: Final = 500  # characters


class Kind(StrEnum):
    MISSING = "missing"
    DOUBLE = "double"
    ALTERED = "altered"
    UNKNOWN = "unknown"


class Subject(StrEnum):
    TRANSACTION = "transaction"
    BATCH = "batch"
    OBJECT = "object"
    CHAIN = "chain"


class Repair(StrEnum):
    """What `ledger.send_again` can do about it."""

    SEND_BATCH = "send_batch"
    SEAL_TRANSACTION = "seal_transaction"


@dataclass(frozen=True, kw_only=True)
class Window:
    """Transactions posted, and batches sealed, from `start` on and before `end`, in UTC.

    Without `start` from the first on; without `end` until now.
    """

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Discrepancy:
    kind: Kind
    subject: Subject
    id: str  # of the transaction or batch; the object's key; the number in the chain
    detail: str
    repair: Repair | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "subject": self.subject.value,
            "id": self.id,
            "detail": self.detail,
            "repair": None if self.repair is None else self.repair.value,
        }


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What this call looked at: posted transactions, recorded batches, versions of objects."""

    transactions: int = 0
    batches: int = 0
    objects: int = 0


@dataclass(frozen=True, kw_only=True)
class Report:
    window: Window
    checked: Checked
    discrepancies: tuple[Discrepancy, ...] = ()  # at most DISCREPANCIES_MAX
    discrepancy_count: int = 0
    cursor: Mapping[str, Any] | None = field(default=None)  # not None: call again with it

    @property
    def is_consistent(self) -> bool:
        """Of this call: one with a cursor has not seen everything."""
        return self.discrepancy_count == 0

    def to_json(self) -> dict[str, Any]:
        return {
            "from": None if self.window.start is None else text_of(self.window.start),
            "to": None if self.window.end is None else text_of(self.window.end),
            "checked": vars(self.checked),
            "discrepancies": [each.to_json() for each in self.discrepancies],
            "discrepancy_count": self.discrepancy_count,
            "cursor": self.cursor,
        }
