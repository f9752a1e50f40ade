"""The ledger at the end, as it is in the database."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pg8000.native import Connection

from soak.problems import Problem

_TRANSACTIONS: Final = """
SELECT transaction_id::text, state, reason, kind, debit_account, credit_account, amount_minor,
       currency, target_id::text, expires_in_seconds, reference, metadata::text
  FROM ledger.transactions
"""
_NAMES: Final = (
    "transaction_id", "state", "reason", "kind", "debit_account", "credit_account", "amount_minor",
    "currency", "target_id", "expires_in_seconds", "reference", "metadata",
)  # fmt: skip
_SUMS: Final = "SELECT currency, sum(balance_minor)::text FROM ledger.accounts GROUP BY currency"
_DIFFERENT: Final = """
SELECT account_id FROM ledger.accounts
  LEFT JOIN (SELECT account_id, sum(amount_minor) AS moved, count(*) AS entries
               FROM ledger.entries GROUP BY account_id) e USING (account_id)
 WHERE balance_minor <> coalesce(moved, 0) OR version <> coalesce(entries, 0)
"""
_MOVED: Final = """
SELECT t.transaction_id::text
  FROM ledger.transactions t LEFT JOIN ledger.entries e USING (transaction_id)
 GROUP BY t.transaction_id, t.state, t.kind
HAVING count(e.*) <> CASE WHEN t.state = 'posted' AND t.kind IN ('transfer', 'capture', 'reversal')
                          THEN 2 ELSE 0 END
    OR coalesce(sum(e.amount_minor), 0) <> 0
"""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A row of the ledger: posted or refused."""

    outcome: str  # `posted`, or `refused: <reason>`
    fields: Mapping[str, Any]

    def holds(self, transaction: Mapping[str, Any]) -> bool:
        """True if it has every field that was sent."""
        return all(
            self.fields.get(name) == value
            for name, value in transaction.items()
            if name not in ("linked", "transaction_id")
        )


def recorded_transactions(connection: Connection) -> dict[str, Recorded]:
    return {
        found["transaction_id"]: Recorded(outcome=_outcome(found), fields=found)
        for found in _rows(connection)
    }


def broken_rules(connection: Connection) -> list[Problem]:
    """Money that came or went, balances that differ from entries, a transaction posted twice."""
    return [
        *(
            Problem(what=f"balances sum to {total}, which must be 0", subject=currency)
            for currency, total in connection.run(_SUMS)
            if int(total) != 0
        ),
        *(
            Problem(what="a balance differs from its entries", subject=f"account {account}")
            for (account,) in connection.run(_DIFFERENT)
        ),
        *(
            Problem(what="entries are not one debit and one credit", subject=f"transaction {name}")
            for (name,) in connection.run(_MOVED)
        ),
    ]


def _rows(connection: Connection) -> Iterator[dict[str, Any]]:
    for row in connection.run(_TRANSACTIONS):
        found = dict(zip(_NAMES, row, strict=True))
        if found["metadata"] is not None:
            found["metadata"] = json.loads(found["metadata"])
        yield found


def _outcome(found: Mapping[str, Any]) -> str:
    return "posted" if found["state"] == "posted" else f"refused: {found['reason']}"
