"""SQL that follows the fields of a transaction, for every driver. Standard library only."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from app_service.ledger.transaction import COLUMNS, SQL_TYPES, Transaction

_SELECT = "SELECT %s, posted_at FROM ledger.transactions"
_POST = "SELECT status FROM ledger.post_transactions(%s) ORDER BY ordinal"

SELECT_POSTED = _SELECT % ", ".join(COLUMNS)
SIGNATURE = f"ledger.post_transactions({', '.join(f'{kind}[]' for kind in SQL_TYPES)})"
_GETTERS = {name: attrgetter(name) for name in COLUMNS}


def post_sql(arrays: Iterable[str]) -> str:
    """The call that posts; `arrays` are the driver's placeholders, or literals, by column."""
    pairs = zip(arrays, SQL_TYPES, strict=True)
    return _POST % ", ".join(f"CAST({array} AS {kind}[])" for array, kind in pairs)


def arrays_of(transactions: Sequence[Transaction]) -> dict[str, list[Any]]:
    """The parameters of the call by column: one array each, in the order of the transactions."""
    return {name: list(map(get, transactions)) for name, get in _GETTERS.items()}
