"""What becomes of a transaction: the statuses of the ledger's posting function, and their reasons.

Standard library only: the transaction processor bundles it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum


class Verdict(StrEnum):
    """The outcome of one transaction."""

    POSTED = "posted"
    REPLAYED = "replayed"  # posted before with the same contents
    # Nothing is recorded: the same id may be sent again.
    CONFLICT = "conflict"
    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    # Refusals: recorded, and answered the same when they are sent again.
    ACCOUNT_NOT_FOUND = "account_not_found"
    ACCOUNT_FROZEN = "account_frozen"
    ACCOUNT_CLOSED = "account_closed"
    CURRENCY_MISMATCH = "currency_mismatch"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    BALANCE_LIMIT = "balance_limit"
    TRANSACTION_NOT_FOUND = "transaction_not_found"
    NOT_A_HOLD = "not_a_hold"
    HOLD_CLOSED = "hold_closed"
    AMOUNT_EXCEEDS_HOLD = "amount_exceeds_hold"
    NOT_REVERSIBLE = "not_reversible"
    ALREADY_REVERSED = "already_reversed"
    LINKED_REFUSED = "linked_refused"


REASON = {
    Verdict.CONFLICT: "this transaction_id was used before with other contents or in another chain",
    Verdict.INVALID: "the transaction breaks a rule of its fields",
    Verdict.FORBIDDEN: "the account to debit belongs to another client",
    Verdict.ACCOUNT_NOT_FOUND: "debit_account or credit_account does not exist",
    Verdict.ACCOUNT_FROZEN: "debit_account or credit_account is frozen",
    Verdict.ACCOUNT_CLOSED: "debit_account or credit_account is closed",
    Verdict.CURRENCY_MISMATCH: "currency is not that of both accounts",
    Verdict.INSUFFICIENT_FUNDS: "the available amount of the account to debit is too small",
    Verdict.BALANCE_LIMIT: "a balance would pass the limit of 2^53-1",
    Verdict.TRANSACTION_NOT_FOUND: "target_id names no transaction",
    Verdict.NOT_A_HOLD: "target_id names a transaction that is no hold, or a hold that was refused",
    Verdict.HOLD_CLOSED: "the hold was captured or voided before, or its time is over",
    Verdict.AMOUNT_EXCEEDS_HOLD: "amount_minor is more than the hold reserves",
    Verdict.NOT_REVERSIBLE: "only a posted transfer or capture can be reversed",
    Verdict.ALREADY_REVERSED: "the transaction was reversed before",
    Verdict.LINKED_REFUSED: "another transaction of its chain was not posted",
}
REFUSALS = frozenset(REASON.keys() - {Verdict.CONFLICT, Verdict.INVALID, Verdict.FORBIDDEN})


def count_verdicts(verdicts: Iterable[str]) -> dict[str, int]:
    return fields_of(Counter(verdicts))


def fields_of(found: Mapping[str, int]) -> dict[str, int]:
    """Log fields from which CloudWatch makes metrics; the processor writes the same ones.

    What is neither posted, replayed nor in conflict counts as refused.
    """
    counts = {
        "transactions_posted": found.get(Verdict.POSTED, 0),
        "transactions_replayed": found.get(Verdict.REPLAYED, 0),
        "transactions_conflict": found.get(Verdict.CONFLICT, 0),
    }
    return counts | {"transactions_refused": sum(found.values()) - sum(counts.values())}
