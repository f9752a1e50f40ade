"""What a client sends, as the rows of `ledger.submitted_v2`. Independent of the service's classes:
the model and the function are given the same values, however the service reads them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

OPERATOR = "operations"  # the only client of these tests that may debit accounts of others
LIMIT = 2**53 - 1

POST = "SELECT transaction_id, status FROM ledger.post_transactions_v3($1, $2) ORDER BY ordinal"
POST_AS_BEFORE = """
    SELECT transaction_id, status FROM ledger.post_transactions($1, $2, $3, $4, $5)
     ORDER BY ordinal"""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One transaction and its actor, in the order of the fields of `ledger.submitted_v2`."""

    transaction_id: UUID
    kind: str = "transfer"
    debit_account: int | None = None
    credit_account: int | None = None
    amount_minor: int | None = None
    currency: str | None = None
    target_id: UUID | None = None
    expires_in_seconds: int | None = None
    linked: bool = False
    reference: str | None = None
    metadata: str | None = None  # JSON
    client_id: str | None = OPERATOR
    user_id: str | None = "someone"
    path: str = "api"

    @property
    def row(self) -> tuple[Any, ...]:
        is_operator = self.client_id in (OPERATOR, None)
        return (*vars(self).values(), is_operator)

    @property
    def contents(self) -> tuple[Any, ...]:
        """What must be the same when the id is sent again: all but actor and origin."""
        metadata = None if self.metadata is None else json.loads(self.metadata)
        return (
            self.kind, self.debit_account, self.credit_account, self.amount_minor, self.currency,
            self.target_id, self.expires_in_seconds, self.linked, self.reference, metadata,
        )  # fmt: skip


def transfer(
    transaction_id: UUID,
    debit: int,
    credit: int,
    amount: int = 1,
    currency: str = "USD",
    *,
    linked: bool = False,
    client: str = OPERATOR,
) -> Sent:
    return Sent(
        transaction_id=transaction_id,
        debit_account=debit,
        credit_account=credit,
        amount_minor=amount,
        currency=currency,
        linked=linked,
        client_id=client,
    )


def hold(
    transaction_id: UUID,
    debit: int,
    credit: int,
    amount: int = 1,
    currency: str = "USD",
    *,
    seconds: int = 100,
    linked: bool = False,
    client: str = OPERATOR,
) -> Sent:
    return Sent(
        transaction_id=transaction_id,
        kind="hold",
        debit_account=debit,
        credit_account=credit,
        amount_minor=amount,
        currency=currency,
        expires_in_seconds=seconds,
        linked=linked,
        client_id=client,
    )


def about(
    transaction_id: UUID,
    kind: str,
    target: UUID,
    amount: int | None = None,
    *,
    linked: bool = False,
    client: str = OPERATOR,
) -> Sent:
    """A capture, void, reversal or expiry of `target`."""
    return Sent(
        transaction_id=transaction_id,
        kind=kind,
        target_id=target,
        amount_minor=amount,
        linked=linked,
        client_id=client,
        path="ledger" if kind == "expiry" else "api",
    )


def as_before(call: Sequence[Sent]) -> tuple[list[Any], ...]:
    """The five arrays that tasks of the version before send; it must be transfers."""
    return (
        [sent.transaction_id for sent in call],
        [sent.debit_account for sent in call],
        [sent.credit_account for sent in call],
        [sent.amount_minor for sent in call],
        [sent.currency for sent in call],
    )


def chains_of(call: Sequence[Sent]) -> list[list[Sent]]:
    """A chain ends with its first transaction that is not linked; a single one is a chain too."""
    chains: list[list[Sent]] = [[]]
    for sent in call:
        chains[-1].append(sent)
        if not sent.linked:
            chains.append([])
    return [chain for chain in chains if chain]
