"""What the routes answer: each type is encoded as it is, and the OpenAPI document describes it."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from app_service.ledger import domain
from app_service.ledger.actor import Path, Role
from app_service.ledger.described import Balance, Count, Moment
from app_service.ledger.kinds import Kind
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
class RecordedTransaction:
    """Without fields that it does not have. Of a refused transaction the fields are what the client
    sent, and `posted_at` is the time of the refusal."""

    transaction_id: UUID
    kind: Kind
    state: Literal["posted", "refused", "pending", "captured", "voided", "expired"]
    debit_account: Count | UnsetType = UNSET
    credit_account: Count | UnsetType = UNSET
    amount_minor: Count | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    target_id: UUID | UnsetType = UNSET
    expires_in_seconds: Count | UnsetType = UNSET
    reference: str | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    reason: Verdict | UnsetType = UNSET  # why it was refused
    chain_id: UUID | UnsetType = UNSET  # the first transaction of its chain
    reversed_by: UUID | UnsetType = UNSET
    expires_at: Moment | UnsetType = UNSET  # of a hold
    closed_by: UUID | UnsetType = UNSET  # of a hold: the capture, void or expiry
    client_id: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    path: Path | UnsetType = UNSET
    trace_id: str | UnsetType = UNSET  # the load balancer's, of the request that posted it
    message_id: str | UnsetType = UNSET  # of the queue's message that posted it
    posted_at: Moment


@dataclass(frozen=True, kw_only=True, slots=True)
class Transactions:
    """A page of transactions, newest first. `next_cursor` is null on the last page."""

    transactions: list[RecordedTransaction]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Accounts:
    """A page of accounts, by number. `next_cursor` is null on the last page."""

    accounts: list[domain.Account]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PastBalance:
    """The balance after the last entry before a moment; `version` is the number of that entry."""

    account_id: Count
    currency: str
    owner: str | None
    as_of: Moment
    balance_minor: Balance
    version: Count


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One side of a posted transaction; `version` counts an account's entries, without gaps.

    `amount_minor` is negative for a debit; `counter_account` is the account of the other side.
    """

    version: Count
    transaction_id: UUID
    kind: Kind
    amount_minor: Balance
    balance_after_minor: Balance
    counter_account: Count
    reference: str | UnsetType = UNSET
    posted_at: Moment

    @classmethod
    def of(cls, entry: domain.Entry) -> "Entry":
        return cls(
            version=entry.version,
            transaction_id=entry.transaction_id,
            kind=Kind(entry.kind),
            amount_minor=entry.amount_minor,
            balance_after_minor=entry.balance_after_minor,
            counter_account=entry.counter_account,
            reference=UNSET if entry.reference is None else entry.reference,
            posted_at=domain.rfc3339(entry.posted_at),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Entries:
    """A page of entries, newest first. `next_cursor` is null on the last page."""

    entries: list[Entry]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """The balances and sums are of the whole period, which includes `from_time` and not `to_time`.
    The entries are a page, oldest first; `next_cursor` is null on the last page."""

    account_id: Count
    currency: str
    from_time: Moment
    to_time: Moment
    opening_balance_minor: Balance
    debits_minor: Count
    credits_minor: Count
    closing_balance_minor: Balance
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
