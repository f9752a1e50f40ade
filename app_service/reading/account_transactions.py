"""The transactions of an account in SQL, newest first.

Answered from indexes; reads about one page. Its position is the last row of the page before (never
an offset), so that what was there when a client began to read comes exactly once, whatever is
posted meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import merge

import asyncpg

from app_service.database.database import Connection
from app_service.ledger.domain import Account
from app_service.ledger.fields import MAX_INTEGER, Identifier, PositiveInteger
from app_service.ledger.moments import Moment
from app_service.reading.account_history import entries_before
from app_service.reading.recorded_transaction import (
    JOINS,
    SELECT_LIST,
    RecordedTransaction,
    recorded,
)
from app_service.reading.transaction_filter import FIRST_ID, OF_HOLDS, Filter, ListedState


@dataclass(frozen=True, kw_only=True)
class InAccount:
    """A place in the listing of an account, which joins three: below this version among the
    account's entries, and before these among its holds and among its refused transactions."""

    version: PositiveInteger
    hold_at: Moment
    hold_id: Identifier
    refused_at: Moment
    refused_id: Identifier

    def after(self, row: asyncpg.Record) -> "InAccount":
        if row["source"] == "entry":
            return replace(self, version=row["version"])
        if row["source"] == "hold":
            return replace(self, hold_at=row["posted_at"], hold_id=row["transaction_id"])
        return replace(self, refused_at=row["posted_at"], refused_id=row["transaction_id"])


_OF_ACCOUNT_SQL = f"""
WITH found AS MATERIALIZED (
    (SELECT 'entry' AS source, e.transaction_id, e.account_version AS version
       FROM ledger.entries e
      WHERE $4::boolean AND e.account_id = $1 AND e.account_version < $5 AND e.account_version > $6
      ORDER BY e.account_version DESC LIMIT $2)
     UNION ALL
    (SELECT 'hold', h.hold_id, NULL
       FROM unnest($7::text[]) s(state), LATERAL (
                (SELECT h.posted_at, h.hold_id FROM ledger.holds h
                  WHERE h.debit_account = $1 AND h.state = s.state
                    AND (h.posted_at, h.hold_id) < ($8, $9) AND h.posted_at >= $3
                  ORDER BY h.posted_at DESC, h.hold_id DESC LIMIT $2)
                 UNION ALL
                (SELECT h.posted_at, h.hold_id FROM ledger.holds h
                  WHERE h.credit_account = $1 AND h.state = s.state
                    AND (h.posted_at, h.hold_id) < ($8, $9) AND h.posted_at >= $3
                  ORDER BY h.posted_at DESC, h.hold_id DESC LIMIT $2)) h
      ORDER BY h.posted_at DESC, h.hold_id DESC LIMIT $2)
     UNION ALL
    (SELECT 'refusal', t.transaction_id, NULL
       FROM ledger.transactions t
      WHERE $10::boolean AND t.state = 'refused' AND t.debit_account = $1
        AND (t.posted_at, t.transaction_id) < ($11, $12) AND t.posted_at >= $3
      ORDER BY t.posted_at DESC, t.transaction_id DESC LIMIT $2)
)
SELECT found.source, found.version, {SELECT_LIST}
  FROM found JOIN ledger.transactions t ON t.transaction_id = found.transaction_id {JOINS}
 ORDER BY found.source, found.version DESC, t.posted_at DESC, t.transaction_id DESC
"""  # nosec B608 # parts of the statement, no values


async def first_in_account(connection: Connection, account: Account, wanted: Filter) -> InAccount:
    return InAccount(
        version=MAX_INTEGER
        if wanted.until is None
        else await entries_before(connection, account, wanted.until) + 1,
        hold_at=wanted.end,
        hold_id=FIRST_ID,
        refused_at=wanted.end,
        refused_id=FIRST_ID,
    )


async def transactions_of_account(
    connection: Connection, account: Account, wanted: Filter, *, start: InAccount, limit: int
) -> tuple[list[RecordedTransaction], InAccount | None]:
    """A page, and where the next one starts. Time does not go back within an account, and so its
    three listings join by their times."""
    rows = await connection.fetch(
        _OF_ACCOUNT_SQL,
        account.account_id,
        limit + 1,
        wanted.earliest,
        wanted.shows(ListedState.POSTED),
        start.version,
        0 if wanted.since is None else await entries_before(connection, account, wanted.since),
        [state for state in OF_HOLDS if wanted.shows(state)],
        start.hold_at,
        start.hold_id,
        wanted.shows(ListedState.REFUSED),
        start.refused_at,
        start.refused_id,
    )
    found = list(merge(*_by_source(rows), key=lambda row: row["posted_at"], reverse=True))
    page = found[:limit]
    end = start
    for row in page:
        end = end.after(row)
    return [recorded(row) for row in page], end if len(found) > limit else None


def _by_source(rows: Sequence[asyncpg.Record]) -> list[list[asyncpg.Record]]:
    return [
        [row for row in rows if row["source"] == source] for source in ("entry", "hold", "refusal")
    ]
