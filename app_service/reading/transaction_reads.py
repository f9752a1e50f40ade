"""Transactions by id and by reference in SQL. A limited client sees those it takes part in."""

from dataclasses import dataclass
from uuid import UUID

from app_service.database.database import Connection
from app_service.ledger.domain import TransactionNotFound
from app_service.ledger.fields import Identifier
from app_service.ledger.moments import Moment
from app_service.reading.recorded_transaction import (
    JOINS,
    SELECT_LIST,
    RecordedTransaction,
    recorded,
)
from app_service.reading.transaction_filter import FIRST_ID, Filter

# Rows of one reference that one page looks at; the filter may leave few or none of them.
SCANNED_MAX = 1000


@dataclass(frozen=True, kw_only=True)
class InReference:
    posted_at: Moment
    transaction_id: Identifier


# $2: the client that must be a party, null for all. A refused transaction is not the business of
# the account that it would have credited.
_IS_PARTY = """
($2::text IS NULL OR t.client_id = $2
    OR $2 = (SELECT a.owner FROM ledger.accounts a WHERE a.account_id = t.debit_account)
    OR t.state = 'posted'
       AND $2 = (SELECT a.owner FROM ledger.accounts a WHERE a.account_id = t.credit_account))
"""
_BY_ID_SQL = f"""
SELECT {SELECT_LIST} FROM ledger.transactions t {JOINS} WHERE t.transaction_id = $1 AND {_IS_PARTY}
"""  # nosec B608 # parts of the statement, no values
_BY_REFERENCE_SQL = f"""
SELECT shown.is_shown, t.place, {SELECT_LIST}
  FROM (SELECT t.*, row_number() OVER (ORDER BY t.posted_at DESC, t.transaction_id DESC) AS place
          FROM ledger.transactions t
         WHERE t.reference = $1 AND (t.posted_at, t.transaction_id) < ($4, $5) AND t.posted_at >= $6
         ORDER BY t.posted_at DESC, t.transaction_id DESC LIMIT {SCANNED_MAX}) t {JOINS},
       LATERAL (SELECT ($7 = 'all' OR coalesce(h.state, t.state) = $7)
                       AND {_IS_PARTY} AS is_shown) shown
 WHERE shown.is_shown OR t.place = {SCANNED_MAX}
 ORDER BY t.posted_at DESC, t.transaction_id DESC LIMIT $3
"""  # nosec B608 # parts of the statement, no values


async def transaction(
    connection: Connection, transaction_id: UUID, *, limited_to: str | None
) -> RecordedTransaction:
    """Raises TransactionNotFound, also if the client in `limited_to` is no party of it."""
    row = await connection.fetchrow(_BY_ID_SQL, transaction_id, limited_to)
    if row is None:
        raise TransactionNotFound(transaction_id)
    return recorded(row)


def first_in_reference(wanted: Filter) -> InReference:
    return InReference(posted_at=wanted.end, transaction_id=FIRST_ID)


async def transactions_by_reference(
    connection: Connection,
    reference: str,
    wanted: Filter,
    *,
    limited_to: str | None,
    start: InReference,
    limit: int,
) -> tuple[list[RecordedTransaction], InReference | None]:
    """A page, which may be short or empty, and where the next one starts (its position is the last
    row that this one looked at)."""
    rows = await connection.fetch(
        _BY_REFERENCE_SQL,
        reference,
        limited_to,
        limit + 1,
        start.posted_at,
        start.transaction_id,
        wanted.earliest,
        wanted.state,
    )
    shown = [row for row in rows if row["is_shown"]]
    page = shown[:limit]
    last = None
    if len(shown) > limit:
        last = page[-1]
    elif rows and rows[-1]["place"] == SCANNED_MAX:
        last = rows[-1]
    return [recorded(row) for row in page], None if last is None else InReference(
        posted_at=last["posted_at"], transaction_id=last["transaction_id"]
    )
