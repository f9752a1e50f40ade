"""SQL of one row of the posting function's argument, for calls that other programs send."""

from collections.abc import Mapping

from app_service.posting.transaction_sql import ATTRIBUTES, POSTING_FUNCTION, ROW_TYPE

CLIENT_ID = "bench"
LOCK_WAIT_MS = 5000
_TRANSFER = {
    "kind": "'transfer'",
    "amount_minor": "1",
    "currency": "'USD'",
    "linked": "false",
    "client_id": f"'{CLIENT_ID}'",
    "user_id": "'bench'",
    "path": "'api'",
    "is_operator": "true",
}


def row_sql(expressions: Mapping[str, str]) -> str:
    """A transfer of one cent. `expressions` are SQL by attribute; others are null."""
    values = {**_TRANSFER, **expressions}
    return f"ROW({', '.join(values.get(name, 'NULL') for name in ATTRIBUTES)})::{ROW_TYPE}"


def call_sql(rows: str, *, origins: str = "NULL") -> str:
    """The statuses of a call; both are the SQL of an array."""
    return f"SELECT status FROM {POSTING_FUNCTION}({rows}, {LOCK_WAIT_MS}, {origins})"
