"""Double entry and the contract hold in every row, whatever was done to the ledger."""

from typing import Any, Protocol
from uuid import UUID

_UNSOUND = {
    "the balances do not sum to zero": """
        SELECT sum(balance_minor) FROM ledger.accounts HAVING sum(balance_minor) <> 0""",
    "the entries of a transaction do not sum to zero": """
        SELECT transaction_id FROM ledger.entries GROUP BY transaction_id
        HAVING sum(amount_minor) <> 0 OR count(*) <> 2""",
    "a balance is not the sum of its entries": """
        SELECT * FROM ledger.accounts a WHERE a.balance_minor <> coalesce(
          (SELECT sum(e.amount_minor) FROM ledger.entries e
            WHERE e.account_id = a.account_id), 0)""",
    "a version is not the number of entries": """
        SELECT * FROM ledger.accounts a WHERE a.version <>
          (SELECT count(*) FROM ledger.entries e WHERE e.account_id = a.account_id)""",
    "versions have a gap": """
        SELECT account_id FROM ledger.entries GROUP BY account_id
        HAVING min(account_version) <> 1 OR max(account_version) <> count(*)""",
    "an entry does not continue the one before": """
        SELECT * FROM (SELECT *, lag(balance_after_minor, 1, 0::bigint) OVER
                         (PARTITION BY account_id ORDER BY account_version) AS before
                         FROM ledger.entries) e
         WHERE before + amount_minor <> balance_after_minor""",
    "a transaction that moves money lacks one of its two entries": """
        SELECT * FROM ledger.transactions t
         WHERE t.state = 'posted' AND t.kind IN ('transfer', 'capture', 'reversal')
           AND (NOT EXISTS (SELECT FROM ledger.entries e WHERE e.transaction_id = t.transaction_id
                 AND e.account_id = t.debit_account AND e.account_version = t.debit_version
                 AND e.amount_minor = -t.amount_minor)
             OR NOT EXISTS (SELECT FROM ledger.entries e WHERE e.transaction_id = t.transaction_id
                 AND e.account_id = t.credit_account AND e.account_version = t.credit_version
                 AND e.amount_minor = t.amount_minor))""",
    "an entry belongs to no transaction that moves money": """
        SELECT * FROM ledger.entries e WHERE NOT EXISTS
          (SELECT FROM ledger.transactions t WHERE t.transaction_id = e.transaction_id
              AND t.state = 'posted' AND t.kind IN ('transfer', 'capture', 'reversal'))""",
    "time goes back within an account": """
        SELECT * FROM (SELECT e.*, t.posted_at, lag(t.posted_at) OVER
                         (PARTITION BY e.account_id ORDER BY e.account_version) AS before
                         FROM ledger.entries e JOIN ledger.transactions t USING (transaction_id)) e
         WHERE posted_at < before""",
    "an account is overdrawn by what it has moved and holds": """
        SELECT * FROM ledger.accounts
         WHERE balance_minor < held_minor AND NOT may_go_negative""",
    "a number is larger than JSON readers keep": """
        SELECT * FROM ledger.accounts WHERE greatest(abs(balance_minor), held_minor,
                  abs(balance_minor - held_minor)) > 9007199254740991""",
    "what is held is not the sum of the pending holds": """
        SELECT * FROM ledger.accounts a WHERE a.held_minor <> coalesce(
          (SELECT sum(h.amount_minor) FROM ledger.holds h
            WHERE h.debit_account = a.account_id AND h.state = 'pending'), 0)""",
    "a hold is not what was posted": """
        SELECT * FROM ledger.holds h WHERE NOT EXISTS
          (SELECT FROM ledger.transactions t WHERE t.transaction_id = h.hold_id
              AND t.kind = 'hold' AND t.state = 'posted'
              AND (t.debit_account, t.credit_account, t.amount_minor, t.currency)
                = (h.debit_account, h.credit_account, h.amount_minor, h.currency)
              AND h.expires_at = t.posted_at + make_interval(secs => t.expires_in_seconds))""",
    "a posted hold has no row": """
        SELECT * FROM ledger.transactions t WHERE t.kind = 'hold' AND t.state = 'posted'
           AND NOT EXISTS (SELECT FROM ledger.holds h WHERE h.hold_id = t.transaction_id)""",
    "a hold was closed twice, or not by what it says": """
        SELECT h.hold_id FROM ledger.holds h
          LEFT JOIN ledger.transactions t ON t.target_id = h.hold_id AND t.state = 'posted'
           AND t.kind IN ('capture', 'void', 'expiry')
         GROUP BY h.hold_id
        HAVING count(t) > 1 OR min(t.transaction_id::text) IS DISTINCT FROM h.closed_by::text
            OR h.state <> coalesce(CASE min(t.kind) WHEN 'capture' THEN 'captured'
                                    WHEN 'void' THEN 'voided' ELSE 'expired' END
                                   , 'pending') AND count(t) > 0
            OR h.state <> 'pending' AND count(t) = 0""",
    "a capture is above its hold, or came too late": """
        SELECT * FROM ledger.transactions t JOIN ledger.holds h ON h.hold_id = t.target_id
         WHERE t.kind = 'capture' AND t.state = 'posted'
           AND (t.amount_minor > h.amount_minor OR t.posted_at >= h.expires_at)""",
    "a hold expired too early": """
        SELECT * FROM ledger.transactions t JOIN ledger.holds h ON h.hold_id = t.target_id
         WHERE t.kind = 'expiry' AND t.posted_at < h.expires_at""",
    "a transaction was reversed twice": """
        SELECT target_id FROM ledger.transactions WHERE kind = 'reversal' AND state = 'posted'
         GROUP BY target_id HAVING count(*) > 1""",
    "a reversal does not mirror what it reverses": """
        SELECT * FROM ledger.transactions b WHERE b.kind = 'reversal' AND b.state = 'posted'
           AND NOT EXISTS (SELECT FROM ledger.transactions t WHERE t.transaction_id = b.target_id
              AND t.state = 'posted' AND t.kind IN ('transfer', 'capture')
              AND (t.debit_account, t.credit_account, t.amount_minor, t.currency)
                = (b.credit_account, b.debit_account, b.amount_minor, b.currency))""",
    "a chain is not whole": """
        SELECT chain_id FROM ledger.transactions WHERE chain_id IS NOT NULL GROUP BY chain_id
        HAVING count(DISTINCT state) > 1 OR count(DISTINCT posted_at) > 1 OR count(*) < 2
            OR bool_and(reason = 'linked_refused')""",
    "a closed account holds something": """
        SELECT * FROM ledger.accounts
         WHERE state = 'closed' AND (balance_minor <> 0 OR held_minor <> 0)""",
    "a posted transaction is in two batches": """
        SELECT id FROM (SELECT unnest(transaction_ids) FROM ledger.outbox UNION ALL
                        SELECT unnest(transaction_ids) FROM ledger.outbox_v2) b(id)
         GROUP BY id HAVING count(*) > 1""",
    "a batch names what was not posted at its time": """
        SELECT id FROM (SELECT unnest(transaction_ids), created_at FROM ledger.outbox UNION ALL
                        SELECT unnest(transaction_ids), created_at FROM ledger.outbox_v2)
                  b(id, created_at)
         WHERE NOT EXISTS (SELECT FROM ledger.transactions t WHERE t.transaction_id = id
                              AND t.state = 'posted' AND t.posted_at = b.created_at)""",
}
_NOT_SENT = """
    SELECT transaction_id FROM ledger.transactions WHERE state = 'posted' EXCEPT
    (SELECT unnest(transaction_ids) FROM ledger.outbox UNION ALL
     SELECT unnest(transaction_ids) FROM ledger.outbox_v2)"""


class Reads(Protocol):
    """A connection or a pool."""

    async def fetch(self, query: str, *arguments: Any) -> list[Any]: ...


async def assert_sound(ledger: Reads, *, nothing_was_sent: bool = False) -> None:
    """`nothing_was_sent`: no relay has deleted a batch, so that every transaction is in one."""
    queries = _UNSOUND | (
        {"a posted transaction is in no batch": _NOT_SENT} if nothing_was_sent else {}
    )
    for problem, query in queries.items():
        rows = await ledger.fetch(query)
        assert not rows, f"{problem}: {rows[:3]}"


async def outbox_ids(ledger: Reads) -> list[UUID]:
    """The transactions of all batches, in the order of the batches."""
    rows = await ledger.fetch(
        """SELECT transaction_ids FROM
             (SELECT outbox_id, transaction_ids FROM ledger.outbox UNION ALL
              SELECT outbox_id, transaction_ids FROM ledger.outbox_v2) b ORDER BY outbox_id"""
    )
    return [transaction_id for row in rows for transaction_id in row[0]]
