"""What the routes answer: each type is encoded as it is, and the OpenAPI document describes it."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from app_service.ledger import domain
from app_service.ledger.actor import Role
from app_service.ledger.described import Balance, Count, Moment
from app_service.ledger.transaction import Transaction
from app_service.ledger.verdict import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """`posted`, or `replayed` if it was posted before with the same contents."""

    transaction_id: UUID
    status: Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchVerdict:
    """The outcome of one transaction of a batch; `detail` explains every other than `posted` and
    `replayed`."""

    transaction_id: UUID | None  # None: the transaction had none that is valid
    status: Verdict
    detail: str | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchVerdicts:
    verdicts: list[BatchVerdict]


@dataclass(frozen=True, kw_only=True, slots=True)
class PostedTransaction(Transaction):
    """The transaction as it was sent, without fields that were not given."""

    posted_at: Moment


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One side of a posted transaction; `version` counts an account's entries, without gaps.

    `amount_minor` is negative for a debit.
    """

    version: Count
    transaction_id: UUID
    amount_minor: Balance
    balance_after_minor: Balance
    posted_at: Moment

    @classmethod
    def of(cls, entry: domain.Entry) -> "Entry":
        return cls(
            version=entry.version,
            transaction_id=entry.transaction_id,
            amount_minor=entry.amount_minor,
            balance_after_minor=entry.balance_after_minor,
            posted_at=domain.rfc3339(entry.posted_at),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Entries:
    """A page of entries, newest first. `next_cursor` is null on the last page."""

    entries: list[Entry]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """Send it as `Authorization: Bearer <token>`."""

    token: str
    expires_at: Moment


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    user_id: str
    client_id: str
    role: Role
    created_at: Moment
    expires_at: Moment


@dataclass(frozen=True, kw_only=True, slots=True)
class Sessions:
    sessions: list[Session]


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    status: Literal["live"] = "live"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """`missing` names the neighbours that do not answer."""

    status: Literal["ready", "not_ready"]
    missing: list[str]
    neighbours: dict[str, Literal["ok", "missing"]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    version: str
    environment_suffix: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """An error, as RFC 9457 describes it. Rely on `code`; texts may change.

    A refused transaction has its `transaction_id`; an error of the service has an `instance`, under
    which the service's log describes it.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    transaction_id: UUID | UnsetType = UNSET
    instance: str | UnsetType = UNSET
