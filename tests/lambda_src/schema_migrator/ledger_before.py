"""How tasks and processors of the releases 0005 to 0017 post. The SQL never changes."""

from collections.abc import Sequence

from pg8000.native import Connection

from app_service.ledger.submission import Submission
from app_service.posting.transaction_sql import arrays_of
from lambda_src.transaction_processor.array_literals import array_literal

_TYPES = {
    "transaction_id": "uuid",
    "kind": "text",
    "debit_account": "bigint",
    "credit_account": "bigint",
    "amount_minor": "bigint",
    "currency": "text",
    "target_id": "uuid",
    "expires_in_seconds": "integer",
    "linked": "boolean",
    "reference": "text",
    "metadata": "jsonb",
    "client_id": "text",
    "user_id": "text",
    "path": "text",
    "is_operator": "boolean",
}
_SQL = f"""
SELECT status FROM ledger.post_transactions_v2(ARRAY(
    SELECT ROW({", ".join(f"u.{name}" for name in _TYPES)})::ledger.submitted_v2
      FROM unnest({", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _TYPES.items())})
           WITH ORDINALITY AS u({", ".join(_TYPES)}, place)
     ORDER BY u.place), 5000) ORDER BY ordinal
"""


class LedgerBefore:
    """One session of such a task."""

    def __init__(self, session: Connection) -> None:
        self._session = session

    def post(self, submissions: Sequence[Submission]) -> list[str]:
        arrays = arrays_of(submissions)
        literals = {name: array_literal(arrays[name]) for name in _TYPES}
        return [status for (status,) in self._session.run(_SQL, **literals)]
