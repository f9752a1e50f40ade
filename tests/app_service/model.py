"""A model of posting in plain Python, and checks of double entry in the database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app_service.ledger.database import Pool
from app_service.ledger.transaction import Transaction
from app_service.ledger.verdict import Verdict

BALANCE_LIMIT = 4 * 10**18


@dataclass
class ModelAccount:
    currency: str
    may_go_negative: bool = False
    balance_minor: int = 0


@dataclass
class ModelLedger:
    accounts: dict[int, ModelAccount]
    posted: dict[UUID, Transaction] = field(default_factory=dict)

    def post(self, transactions: Sequence[Transaction]) -> list[Verdict]:
        return [self._decide(transaction) for transaction in transactions]

    def _decide(self, new: Transaction) -> Verdict:  # noqa: PLR0911 - the rules, one by one
        if new.transaction_id in self.posted:
            same = self.posted[new.transaction_id] == new
            return Verdict.REPLAYED if same else Verdict.CONFLICT
        if new.amount_minor < 1 or new.debit_account == new.credit_account:
            return Verdict.INVALID
        debit = self.accounts.get(new.debit_account)
        credit = self.accounts.get(new.credit_account)
        if debit is None or credit is None:
            return Verdict.ACCOUNT_NOT_FOUND
        if {debit.currency, credit.currency} != {new.currency}:
            return Verdict.CURRENCY_MISMATCH
        if debit.balance_minor < new.amount_minor and not debit.may_go_negative:
            return Verdict.INSUFFICIENT_FUNDS
        after = debit.balance_minor - new.amount_minor, credit.balance_minor + new.amount_minor
        if after[0] < -BALANCE_LIMIT or after[1] > BALANCE_LIMIT:
            return Verdict.BALANCE_LIMIT
        debit.balance_minor, credit.balance_minor = after
        self.posted[new.transaction_id] = new
        return Verdict.POSTED


_UNSOUND = {
    "the balances do not sum to zero": """
        SELECT sum(balance_minor) FROM ledger.accounts HAVING sum(balance_minor) <> 0""",
    "entries do not add up": """
        SELECT sum(amount_minor) FROM ledger.entries HAVING sum(amount_minor) <> 0""",
    "a balance is not that of its last entry": """
        SELECT * FROM ledger.accounts a WHERE a.balance_minor <> coalesce(
          (SELECT e.balance_after_minor FROM ledger.entries e
            WHERE e.account_id = a.account_id ORDER BY account_version DESC LIMIT 1), 0)""",
    "a version is not the number of entries": """
        SELECT * FROM ledger.accounts a WHERE a.version <>
          (SELECT count(*) FROM ledger.entries e WHERE e.account_id = a.account_id)""",
    "an entry does not continue the one before": """
        SELECT * FROM (SELECT *, lag(balance_after_minor, 1, 0::bigint) OVER
                         (PARTITION BY account_id ORDER BY account_version) AS before
                         FROM ledger.entries) e
         WHERE before + amount_minor <> balance_after_minor""",
    "a transaction lacks one of its two entries": """
        SELECT * FROM ledger.transactions t
         WHERE NOT EXISTS (SELECT FROM ledger.entries e WHERE e.transaction_id = t.transaction_id
                 AND e.account_id = t.debit_account AND e.account_version = t.debit_version
                 AND e.amount_minor = -t.amount_minor)
            OR NOT EXISTS (SELECT FROM ledger.entries e WHERE e.transaction_id = t.transaction_id
                 AND e.account_id = t.credit_account AND e.account_version = t.credit_version
                 AND e.amount_minor = t.amount_minor)""",
    "an entry belongs to no transaction": """
        SELECT * FROM ledger.entries e WHERE NOT EXISTS
          (SELECT FROM ledger.transactions t WHERE t.transaction_id = e.transaction_id)""",
    "an account is overdrawn": """
        SELECT * FROM ledger.accounts WHERE balance_minor < 0 AND NOT may_go_negative""",
}


async def assert_sound(pool: Pool) -> None:
    """Double entry holds in every row."""
    for problem, query in _UNSOUND.items():
        rows = await pool.fetch(query)
        assert not rows, f"{problem}: {rows[:3]}"


async def outbox_ids(pool: Pool) -> list[UUID]:
    """The transactions of all events, in the order of the events."""
    rows = await pool.fetch("SELECT transaction_ids FROM ledger.outbox ORDER BY outbox_id")
    return [transaction_id for row in rows for transaction_id in row[0]]
