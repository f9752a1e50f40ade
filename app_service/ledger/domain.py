"""Values and errors of the ledger. No I/O, standard library only: the processor bundles it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Protocol
from uuid import UUID

from app_service.ledger.actor import Actor
from app_service.ledger.described import Balance, Count
from app_service.ledger.fields import ClientId, Currency, Flag, PositiveInteger, UserId
from app_service.ledger.submission import Submission
from app_service.ledger.verdict import Verdict

# Transactions in one posting call and in one bulk request; the SQL function refuses more.
CALL_MAX = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class NewAccount:
    """An account that a client opens, under a number that the client chooses."""

    account_id: PositiveInteger
    currency: Currency
    may_go_negative: Flag = False
    owner: ClientId | None = None  # only an operator may name another client


class AccountState(StrEnum):
    OPEN = "open"
    FROZEN = "frozen"  # nothing is debited, credited or held
    CLOSED = "closed"  # the same, for good


@dataclass(frozen=True, kw_only=True, slots=True)
class NewSession:
    user_id: UserId


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    account_id: PositiveInteger
    currency: Currency
    may_go_negative: bool
    owner: str | None  # None: opened before accounts had owners
    currency_exponent: int | None  # None: not listed, opened before there was a list
    state: AccountState
    balance_minor: Balance
    held_minor: Count  # of the balance; the rest is available
    available_minor: Balance
    version: Count  # number of its entries


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One side of a posted transaction; `version` counts an account's entries, without gaps."""

    version: int
    transaction_id: UUID
    kind: str
    amount_minor: int  # negative for a debit
    balance_after_minor: int
    counter_account: int  # the account of the other side
    reference: str | None
    posted_at: datetime


class Ledger(Protocol):
    """The operations that write. A deadline is in the time of the event loop.

    Each raises Unavailable when its deadline is over.
    """

    async def post(
        self, submissions: Sequence[Submission], *, deadline: float
    ) -> list[Verdict]: ...

    async def open_account(
        self, account: NewAccount, actor: Actor, *, deadline: float
    ) -> tuple[Account, bool]: ...


class LedgerError(Exception):
    """The ledger refused a request and wrote nothing. Clients may rely on `code`."""

    code: ClassVar[str]


class AccountNotFound(LedgerError):
    code = "account_not_found"

    def __init__(self, account_id: int) -> None:
        super().__init__(f"account {account_id} does not exist")


class AccountConflict(LedgerError):
    code = "account_conflict"

    def __init__(self, account_id: int) -> None:
        super().__init__(
            f"account {account_id} exists with another currency, may_go_negative flag or owner"
        )


class AccountClosed(LedgerError):
    code = "account_closed"

    def __init__(self, account_id: int) -> None:
        super().__init__(f"account {account_id} is closed and stays closed")


class AccountNotEmpty(LedgerError):
    code = "account_not_empty"

    def __init__(self, account_id: int) -> None:
        super().__init__(
            f"account {account_id} can be closed only with a balance of 0 and no pending hold"
        )


class TransactionNotFound(LedgerError):
    code = "transaction_not_found"

    def __init__(self, transaction_id: UUID) -> None:
        super().__init__(f"transaction {transaction_id} does not exist")


class Unavailable(LedgerError):
    """The request cannot be served now. It is safe to send it again."""

    retry_after_seconds: ClassVar[int] = 1


class Overloaded(Unavailable):
    code = "overloaded"

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} transactions are waiting; send the request again later")


class AccountBusy(Unavailable):
    code = "account_busy"

    def __init__(self) -> None:
        super().__init__(
            "another session keeps an account of this request locked; send the request again"
        )


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"
    retry_after_seconds = 2

    def __init__(self) -> None:
        super().__init__("the database does not answer or is failing over; send the request again")


def rfc3339(moment: datetime) -> str:
    """In UTC with microseconds: the format of all times that the service writes."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
