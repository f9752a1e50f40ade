"""Checks of double entry in the database."""

from uuid import UUID

from app_service.ledger.database import Pool

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
         WHERE debit_version IS NOT NULL AND (
               NOT EXISTS (SELECT FROM ledger.entries e WHERE e.transaction_id = t.transaction_id
                 AND e.account_id = t.debit_account AND e.account_version = t.debit_version
                 AND e.amount_minor = -t.amount_minor)
            OR NOT EXISTS (SELECT FROM ledger.entries e WHERE e.transaction_id = t.transaction_id
                 AND e.account_id = t.credit_account AND e.account_version = t.credit_version
                 AND e.amount_minor = t.amount_minor))""",
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
    rows = await pool.fetch("SELECT transaction_ids FROM ledger.outbox_v2 ORDER BY outbox_id")
    return [transaction_id for row in rows for transaction_id in row[0]]
